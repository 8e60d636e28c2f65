"""Switches in a config.json that change how a model runs, but not which model it is.

Training needs the ordinary run: outputs by name and without attentions, no layer left out, nothing
computed again in the backward pass. Such a switch would end a run, or change its losses.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl_core.errors import UnsupportedArchitecture

_ORDINARY: Mapping[str, tuple[object, ...]] = {
    "attn_implementation": (None, "sdpa"),
    "chunk_size_feed_forward": (None, 0),
    "experts_implementation": (None,),
    "gradient_checkpointing": (None, False),
    "output_attentions": (None, False),
    "output_hidden_states": (None, False),
    "return_dict": (None, True),
    "torchscript": (None, False),
    "use_return_dict": (None, True),
}
"""The switches, and their values in an ordinary run."""


def is_layerdrop(name: str) -> bool:
    """Whether a key is the share of layers that are left out at random in training."""
    return name.split("_")[-1] == "layerdrop"


def without_switches(values: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a config.json without its switches, which then have their default values."""
    return {name: value for name, value in values.items() if not _is_switch(name)}


def switch_note(values: Mapping[str, Any]) -> tuple[str, ...]:
    """A sentence with the switches that have another value than in training; none without them."""
    changed = [
        f"{name} {json.dumps(value)}"
        for name, value in values.items()
        if _is_switch(name) and value not in _ORDINARY.get(name, (None, 0))
    ]
    if not changed:
        return ()
    return (
        f"config.json sets how the model runs: {', '.join(changed)}. Runs ignore this, and models "
        "are written without it.",
    )


def reject_pruned_heads(file: Path, values: Mapping[str, Any]) -> None:
    """Raise UnsupportedArchitecture if attention heads were removed from the weights."""
    pruned = values.get("pruned_heads")
    heads = pruned.values() if isinstance(pruned, dict) else [pruned]
    if any(heads):
        raise UnsupportedArchitecture(
            f"{file} has pruned_heads: attention heads were removed from the weights, and "
            "transformers no longer loads such models. Use the checkpoint before pruning."
        )


def _is_switch(name: str) -> bool:
    return name in _ORDINARY or is_layerdrop(name)
