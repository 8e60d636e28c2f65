"""Reads a configuration file, checks that it is supported, and builds the bare backbone.

Code that comes with a checkpoint is never run. Architectures that the installed transformers
does not include are rejected.
"""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from mtl_core.errors import DamagedCheckpoint, UnsafeCheckpoint, UnsupportedArchitecture
from mtl_core.nearest import nearest_names

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

    from mtl_core.models.deferred import DeferredBackbone

Result = TypeVar("Result")

MAX_LAYERS = 1024
"""Maximum number of layers of a configuration; larger models take too long to build."""

_TRACED_TOKENS = 8


def read_architecture(config_file: Path) -> "PreTrainedConfig":
    """Reads the configuration of a text encoder.

    Raises DamagedCheckpoint if the file is not a configuration, UnsafeCheckpoint if the model is
    defined only by code of the checkpoint, and UnsupportedArchitecture if it is unknown, an
    encoder-decoder or quantised.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

    values = _read_object(config_file)
    model_type = values.get("model_type")
    known = isinstance(model_type, str) and model_type in CONFIG_MAPPING_NAMES
    if not known and "auto_map" in values:
        raise UnsafeCheckpoint(
            f"{config_file} refers to code of the checkpoint's author (auto_map), not to an "
            "architecture of transformers. Freeze Lab never runs code from a checkpoint. "
            "Choose one with a built-in model_type."
        )
    if not isinstance(model_type, str):
        raise DamagedCheckpoint(
            f"{config_file} has no model_type, so its architecture is unknown. Add the line "
            'that its model card implies, e.g. "model_type": "bert".'
        )
    if not known:
        raise UnsupportedArchitecture(_unknown_type(config_file, model_type))
    try:
        with quiet_transformers():
            config = CONFIG_MAPPING[model_type].from_dict(values)
    except Exception as error:  # configuration classes raise different exceptions
        raise DamagedCheckpoint(_impossible(config_file, error)) from None
    _require_encoder(config)
    return config


def _require_encoder(config: "PreTrainedConfig") -> None:
    """Raise UnsupportedArchitecture for an encoder-decoder and for quantised weights."""
    kind = config.model_type
    if getattr(config, "is_encoder_decoder", False):
        reason = "it consists of an encoder and a decoder"
    elif getattr(config, "quantization_config", None) is not None:
        reason = "its weights are quantised, and quantised weights cannot be fine-tuned here"
    else:
        return
    raise UnsupportedArchitecture(
        f"'{kind}' cannot be used: {reason}. Choose an encoder, e.g. bert, roberta, distilbert, "
        "deberta-v2, electra or modernbert."
    )


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
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding) and module.padding_idx is not None:
            is_position_table = module.num_embeddings == stated != model.config.vocab_size
            if is_position_table:
                return stated - module.padding_idx - 1
    return stated


def prefix_of(model: "PreTrainedModel | DeferredBackbone") -> str:
    """The name of the backbone in the architecture's task models, e.g. `bert`."""
    return model.base_model_prefix or str(model.config.model_type).replace("-", "_")


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Disable the warnings and progress bars of transformers inside the context."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def one_line(error: BaseException) -> str:
    """The message of a third-party error as one sentence of at most 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (" ".join(lines)[:300] or type(error).__name__).rstrip(".") + "."


def _read_object(config_file: Path) -> Mapping[str, Any]:
    try:
        values = json.loads(config_file.read_bytes())
    except OSError as error:
        raise DamagedCheckpoint(f"{config_file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise DamagedCheckpoint(
            f"{config_file} is not JSON: {one_line(error)} Copy the checkpoint again."
        ) from None
    if not isinstance(values, dict):
        raise DamagedCheckpoint(
            f"{config_file} must be a JSON object with a model_type; it is a "
            f"{type(values).__name__}."
        )
    return values


def _require_sane_depth(config: "PreTrainedConfig") -> None:
    layers = getattr(config, "num_hidden_layers", None)
    if isinstance(layers, int) and not 1 <= layers <= MAX_LAYERS:
        raise UnsupportedArchitecture(
            f"The configuration has {layers:,} layers; 1 to {MAX_LAYERS:,} are supported."
        )


def _unknown_type(config_file: Path, model_type: str) -> str:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    close = nearest_names(model_type, CONFIG_MAPPING_NAMES)
    nearest = f" Nearest: {', '.join(close)}." if close else ""
    return (
        f"{config_file} has model_type '{model_type[:80]}', which transformers "
        f"{version('transformers')} does not include.{nearest} A newer version may include it."
    )


def _impossible(config_file: Path, error: Exception) -> str:
    return f"{config_file} contains an invalid value: {one_line(error)}"
