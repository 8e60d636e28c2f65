"""Trace the cost profile of a checkpoint's architecture. Needs no weights and about a second.

Run as a command, it writes the shipped profiles of the catalogue:

    python -m mtl_core.cost.trace --catalogue
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from mtl_core.cost.profile import CostProfile
from mtl_core.cost.profile_builder import LARGE, SMALL, ProfileBuilder
from mtl_core.cost.profile_cache import shipped_profile, write_profile
from mtl_core.cost.tape import Tape, record
from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import (
    position_limit,
    prefix_of,
    quiet_transformers,
)
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.configuration import read_architecture
from mtl_core.models.describe import requested_entries
from mtl_core.models.layer_stack import find_stack
from mtl_core.text import one_line

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def trace_costs(checkpoint: "Checkpoint | PreTrainedConfig") -> CostProfile:
    """Trace the bare backbone and build its cost profile.

    Runs the model on fake tensors in training and evaluation mode, with the attention kernel of
    fine-tuning. If the architecture reads tensor values in its forward pass, real tensors are used.
    Raises as `read_architecture` does, and UnsupportedArchitecture if the model does not run.
    """
    config = (
        read_architecture(checkpoint.config_file)
        if isinstance(checkpoint, Checkpoint)
        else checkpoint
    )
    try:
        return _trace(config, FakeTensorMode())
    except UnsupportedArchitecture:
        raise
    except Exception:  # an architecture may raise anything when it reads the value of a fake tensor
        try:
            return _trace(config, nullcontext())
        except Exception as error:
            raise UnsupportedArchitecture(
                f"The cost of '{config.model_type}' cannot be traced: {one_line(error)}"
            ) from None


def _trace(config: "PreTrainedConfig", tensor_mode: AbstractContextManager[Any]) -> CostProfile:
    with quiet_transformers(), torch.random.fork_rng(devices=[]), tensor_mode:
        model = _build(config)
        stack = find_stack(model)
        modes = {
            training: [
                _record(model.train(training), stack.paths, sentences, tokens)
                for sentences, tokens in (SMALL, LARGE)
            ]
            for training in (True, False)
        }
    return ProfileBuilder(model, modes[True], modes[False], stack.depth).profile()


def _build(config: "PreTrainedConfig") -> "PreTrainedModel":
    """Build the bare model with the attention of `load_backbone`, without initializing weights."""
    from transformers import AutoModel
    from transformers.initialization import no_init_weights

    with no_init_weights():
        model = AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=False)
    return model.eval()


def _record(model: "PreTrainedModel", layers: Sequence[str], sentences: int, tokens: int) -> Tape:
    prefix = prefix_of(model)
    names = {id(each): f"{prefix}.{name}" for name, each in model.named_parameters()}
    length = min(tokens, position_limit(model) or tokens)
    ids = torch.full((sentences, length), _ordinary_token(model))
    with torch.enable_grad():
        return record(model, layers, lambda: model(input_ids=ids).last_hidden_state, names)


def _ordinary_token(model: "PreTrainedModel") -> int:
    config = model.config
    special = {getattr(config, f"{kind}_token_id", None) for kind in ("pad", "bos", "eos", "mask")}
    return next((index for index in range(config.vocab_size) if index not in special), 0)


def main() -> None:
    """Write the shipped profiles of the given catalogue entries, or of all."""
    for known in requested_entries("python -m mtl_core.cost.trace"):
        profile = trace_costs(known)
        file = shipped_profile(known.name)
        write_profile(file, profile)
        print(f"{file.name}: {len(profile.kept)} terms, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
