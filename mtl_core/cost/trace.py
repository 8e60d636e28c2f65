"""Make the cost profile of a checkpoint's architecture: no weights, about a second.

As a command it writes the profiles that are shipped for the catalogue:

    python -m mtl_core.cost.trace --catalogue
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from mtl_core.cost.joined import LARGE, SMALL, Joined
from mtl_core.cost.kept import shipped_profile, write_profile
from mtl_core.cost.profile import CostProfile
from mtl_core.cost.tape import Tape, record
from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import (
    one_line,
    position_limit,
    prefix_of,
    quiet_transformers,
    read_architecture,
)
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.describe import requested_entries
from mtl_core.models.layer_stack import find_stack

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def trace_costs(checkpoint: "Checkpoint | PreTrainedConfig") -> CostProfile:
    """What a training step of the bare backbone keeps and computes, for every freeze plan.

    It is run twice without numbers, in training and in evaluation mode, with the attention that a
    fine-tune takes; an architecture that looks at numbers while it runs is run with random ones.
    Raises what `read_architecture` raises, and UnsupportedArchitecture if it does not run.
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
    except Exception:  # whatever a foreign forward pass raises where a number is looked at
        try:
            return _trace(config, nullcontext())
        except Exception as error:
            raise UnsupportedArchitecture(
                f"The cost of '{config.model_type}' cannot be traced: {one_line(error)}"
            ) from None


def _trace(config: "PreTrainedConfig", numbers: AbstractContextManager[Any]) -> CostProfile:
    with quiet_transformers(), torch.random.fork_rng(devices=[]), numbers:
        model = _build(config)
        stack = find_stack(model)
        modes = {
            training: [
                _record(model.train(training), stack.paths, sentences, tokens)
                for sentences, tokens in (SMALL, LARGE)
            ]
            for training in (True, False)
        }
    return Joined(model, modes[True], modes[False], stack.depth).profile()


def _build(config: "PreTrainedConfig") -> "PreTrainedModel":
    """The bare model with the attention that `load_backbone` gives it, values never drawn."""
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
    """Write the shipped profile of each catalogue entry named, or of all."""
    for known in requested_entries("python -m mtl_core.cost.trace"):
        profile = trace_costs(known)
        file = shipped_profile(known.name)
        write_profile(file, profile)
        print(f"{file.name}: {len(profile.kept)} terms, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
