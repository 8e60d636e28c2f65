"""Builds the bare backbone of a configuration, and measures it without weights."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from logging import CRITICAL
from typing import TYPE_CHECKING, TypeVar
from warnings import catch_warnings, simplefilter

import torch

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.configuration_limits import MAX_LAYERS
from mtl_core.text import one_line

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

    from mtl_core.models.deferred import DeferredBackbone

Result = TypeVar("Result")

_TRACED_TOKENS = 8
_MOST_VALUES = 600_000_000  # of a model that is built with values: 2.4 GB


def build_backbone(config: "PreTrainedConfig", device: str) -> "PreTrainedModel":
    """Builds the bare model of `config` in float32 and evaluation mode, with random weights.

    On the device "meta" the model has shapes but no values and takes no memory. Padding is
    disabled there, because detecting it reads token ids. The global random state is preserved.
    Raises UnsupportedArchitecture if the model is not a text encoder or cannot be built.
    """
    from transformers import AutoModel

    _require_sane_depth(config)
    config = copy.deepcopy(config)
    try:
        with quiet_transformers(), torch.random.fork_rng(devices=[]), torch.device(device):
            model = AutoModel.from_config(
                config,
                dtype=torch.float32,
                attn_implementation="eager",
                trust_remote_code=False,
            )
    except Exception as error:  # architectures raise different exceptions
        raise UnsupportedArchitecture(
            f"transformers cannot build '{config.model_type}' from its configuration: "
            f"{one_line(error)}"
        ) from None
    if model.main_input_name != "input_ids":
        raise UnsupportedArchitecture(
            f"'{config.model_type}' reads {model.main_input_name}, not text. Choose a text encoder."
        )
    if device == "meta":
        vars(model.config)["pad_token_id"] = None  # past the type check of some configurations
    model.eval()
    return model


def traced(
    config: "PreTrainedConfig",
    measure: "Callable[[PreTrainedModel, torch.Tensor], Result]",
) -> Result:
    """Returns `measure(model, input_ids)` for a backbone of `config`.

    input_ids: (1, tokens), without padding. The model is on the meta device. Architectures that
    read values in their forward pass (Longformer looks for global tokens) are built on the CPU
    with random weights instead. The result is the same, but the model takes memory.
    Raises UnsupportedArchitecture if the model does not run on token ids alone.
    """
    for device in ("meta", "cpu"):
        model = build_backbone(config, device)
        try:
            with quiet_transformers():
                return measure(model, example_input(model))
        except UnsupportedArchitecture:
            raise
        except Exception as error:  # third-party forward passes raise any exception
            failure = one_line(error)
            if "meta" not in failure:
                break
            _require_few_values(model)
    raise UnsupportedArchitecture(
        f"'{config.model_type}' does not run on token ids alone: {failure} "
        "Choose another text encoder, e.g. bert or roberta."
    )


def example_input(model: "PreTrainedModel") -> torch.Tensor:
    """A few ordinary token ids on the model's device: (1, tokens)."""
    return example_tokens(model, _TRACED_TOKENS)


def example_tokens(model: "PreTrainedModel", count: int) -> torch.Tensor:
    """Ordinary token ids, different ones if possible: (1, tokens), on the model's device.

    They are `count` tokens, or as many as the model has positions.
    """
    config = model.config
    special = {getattr(config, f"{kind}_token_id", None) for kind in ("pad", "bos", "eos", "mask")}
    usable = (index for index in range(config.vocab_size) if index not in special)
    ordinary = list(islice(usable, count)) or [0]
    tokens = min(count, position_limit(model) or count)
    ids = [ordinary[place % len(ordinary)] for place in range(tokens)]
    return torch.tensor([ids], device=model.device)


def position_limit(model: "PreTrainedModel") -> int | None:
    """The maximum number of tokens of the architecture; None if there is no limit.

    RoBERTa and its variants number positions from the padding id plus one, so a position table
    with 514 rows supports 512 tokens.
    """
    stated = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(stated, int) or stated <= 0:
        return None
    words = word_table(model)
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding) and module.padding_idx is not None:
            is_position_table = module.num_embeddings == stated and module is not words
            if is_position_table:
                return stated - module.padding_idx - 1
    return stated


def word_table(model: "PreTrainedModel") -> torch.nn.Module | None:
    """The table of token embeddings; None if the architecture has no single one."""
    try:
        found: torch.nn.Module = model.get_input_embeddings()
    except NotImplementedError:
        return None
    return found


def prefix_of(model: "PreTrainedModel | DeferredBackbone") -> str:
    """The name of the backbone in the architecture's task models, e.g. `bert`."""
    return model.base_model_prefix or str(model.config.model_type).replace("-", "_")


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Disable the log lines, warnings and progress bars of transformers inside the context."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(CRITICAL)
    logging.disable_progress_bar()
    try:
        with catch_warnings():
            simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _require_few_values(model: "PreTrainedModel") -> None:
    """Raises UnsupportedArchitecture for a model that takes too much memory with values."""
    count = sum(each.numel() for each in model.parameters())
    if count > _MOST_VALUES:
        raise UnsupportedArchitecture(
            f"'{model.config.model_type}' reads values as it runs, so it is built in memory to be "
            f"described; it has {count:,} parameters, and at most {_MOST_VALUES:,} are built. "
            "Choose a smaller encoder."
        )


def _require_sane_depth(config: "PreTrainedConfig") -> None:
    layers = getattr(config, "num_hidden_layers", None)
    if isinstance(layers, int) and not 1 <= layers <= MAX_LAYERS:
        raise UnsupportedArchitecture(
            f"The configuration has {layers:,} layers; 1 to {MAX_LAYERS:,} are supported."
        )
