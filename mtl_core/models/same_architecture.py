"""Finds the catalogue entry with the architecture of another checkpoint, such as a fine-tuned copy.

Its description and its costs are then known without torch, which would take seconds.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from mtl_core.json_files import read_json
from mtl_core.models.catalogue import catalogue

_MOST_BYTES = 100_000
"""Larger configurations are not compared: that would take time in each rerun of a page."""

_ABOUT_THE_FILE = frozenset(
    {
        *("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"),
        *("finetuning_task", "id2label", "label2id", "problem_type"),
    }
)
"""Keys of a configuration that the encoder does not depend on."""

_DEFAULTS: dict[str, object] = {
    "classifier_dropout": None,
    "gradient_checkpointing": False,
    "position_embedding_type": "absolute",
    "use_cache": True,
}
"""Values that mean the same as no entry, except where they are reported as not read."""

_READS_NO_DEFAULTS = frozenset({"modernbert"})

_WITH_A_NOTE = frozenset({"albert-base-v2"})
"""Their configurations have a key without effect, which the description of a copy reports."""


def entry_of_same_architecture(config_file: Path) -> str | None:
    """The name of the catalogue entry whose encoder has this configuration; None if none has.

    A configuration with any other key or value has none, and is described by itself.
    """
    try:
        config = read_json(config_file, _MOST_BYTES)
    except (OSError, ValueError):
        return None
    return _entries().get(_architecture(config)) if isinstance(config, dict) else None


@cache
def _entries() -> dict[str, str]:
    """By architecture, the first catalogue entry that has it."""
    found: dict[str, str] = {}
    for entry in catalogue():
        if entry.name in _WITH_A_NOTE:
            continue
        found.setdefault(_architecture(read_json(entry.config_file)), entry.name)
    return found


def _architecture(config: dict[str, Any]) -> str:
    """What the encoder depends on, as JSON with sorted keys."""
    defaults = {} if config.get("model_type") in _READS_NO_DEFAULTS else _DEFAULTS
    relevant = {
        key: value
        for key, value in config.items()
        if key not in _ABOUT_THE_FILE and not (key in defaults and value == defaults[key])
    }
    return json.dumps(relevant, sort_keys=True)
