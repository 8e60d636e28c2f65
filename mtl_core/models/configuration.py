"""Reads a config.json completely, or refuses it.

Code that comes with a checkpoint is never run. Architectures that the installed transformers
does not include are rejected.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl_core.errors import DamagedCheckpoint, UnsafeCheckpoint, UnsupportedArchitecture
from mtl_core.json_files import read_json
from mtl_core.models.architecture import quiet_transformers
from mtl_core.models.configuration_keys import field_names, keys_read
from mtl_core.models.configuration_limits import require_sizes
from mtl_core.models.switches import (
    is_layerdrop,
    reject_pruned_heads,
    switch_note,
    without_switches,
)
from mtl_core.models.unread_keys import (
    reject_doubtful,
    reject_two_values,
    unread_keys,
    unread_note,
)
from mtl_core.nearest import nearest_names, quoted
from mtl_core.text import one_line, shortened

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_POSITIONS = "position_embedding_type"
_ROTARY = frozenset({"rope_parameters", "rope_theta", "rotary_value"})
"""Fields of configurations whose models compute rotary positions."""


def read_architecture(config_file: Path) -> "PreTrainedConfig":
    """Reads the configuration of a text encoder, without switches that change how it runs.

    Raises DamagedCheckpoint if the file is not a configuration, or has keys that may describe
    another model than the one transformers would build; UnsafeCheckpoint if the model is defined
    only by code of the checkpoint; and UnsupportedArchitecture if it is unknown, a decoder, an
    encoder-decoder, quantised or too large, or if attention heads were removed from its weights.
    """
    return _read(config_file)[0]


def configuration_notes(config_file: Path) -> tuple[str, ...]:
    """Sentences on what has no effect in a config.json: keys, switches, code of its author.

    Raises the exceptions of `read_architecture`.
    """
    return _read(config_file)[1]


def _read(config_file: Path) -> "tuple[PreTrainedConfig, tuple[str, ...]]":
    """The configuration in a file, and the notes about it."""
    values = _read_object(config_file)
    require_sizes(config_file, values)
    config_class = _configuration_class(config_file, values)
    reject_pruned_heads(config_file, values)
    described = without_switches(values)
    config = _built(config_file, config_class, described)
    _require_encoder(config)
    _require_computed_positions(values.get(_POSITIONS), config)
    reject_two_values(config_file, described, config)
    unread = unread_keys(described, config)
    reject_doubtful(config_file, unread, config)
    _reject_own_model(config_file, values)
    return config, (
        *_own_code_note(values, config),
        *switch_note(values),
        *unread_note(unread, config),
    )


def _configuration_class(config_file: Path, values: Mapping[str, Any]) -> "type[PreTrainedConfig]":
    """The class that transformers has for the model type of a config.json."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

    model_type = values.get("model_type")
    known = isinstance(model_type, str) and model_type in CONFIG_MAPPING_NAMES
    if not known and "auto_map" in values:
        raise UnsafeCheckpoint(_needs_own_code(config_file))
    if not isinstance(model_type, str):
        raise DamagedCheckpoint(
            f"{config_file} has no model_type, so its architecture is unknown. Add the line "
            'that its model card implies, e.g. "model_type": "bert".'
        )
    if not known:
        raise UnsupportedArchitecture(_unknown_type(config_file, model_type))
    found: type[PreTrainedConfig] = CONFIG_MAPPING[model_type]
    return found


def _built(
    config_file: Path, config_class: "type[PreTrainedConfig]", values: Mapping[str, Any]
) -> "PreTrainedConfig":
    """Build the configuration and try how it is written, as at the end of a run.

    Keys that would replace a method of the class, or a private attribute, are left out.
    """
    fields = field_names(config_class)
    kept = {
        name: value
        for name, value in values.items()
        if name in keys_read(config_class)
        or not (name.startswith("_") or hasattr(config_class, name))
    }
    try:
        with quiet_transformers():
            config = config_class.from_dict(kept)
            for name in fields:
                if is_layerdrop(name):
                    setattr(config, name, 0.0)
            _require_finite(config)
            config.validate()
            config.to_json_string()
    except Exception as error:  # configuration classes raise different exceptions
        raise DamagedCheckpoint(_impossible(config_file, error)) from None
    return config


def _require_finite(config: "PreTrainedConfig") -> None:
    for name in field_names(type(config)):
        value = vars(config).get(name)
        if isinstance(value, float) and not isfinite(value):
            raise ValueError(f"'{name}' is {value}, not a finite number")


def _require_computed_positions(stated: object, config: "PreTrainedConfig") -> None:
    """Raise UnsupportedArchitecture for a type of positions that the model class does not read.

    Since version 5 of transformers, most classes ignore it and compute the positions of their
    architecture. "absolute" was the default value and is in the configuration of many.
    """
    rotates = not _ROTARY.isdisjoint(field_names(type(config)))
    if stated in (None, "absolute") or (rotates and stated in ("rotary", "rope")):
        return
    raise UnsupportedArchitecture(
        f"The configuration has {_POSITIONS} '{shortened(str(stated), 80)}', which transformers "
        f"{version('transformers')} does not compute for '{config.model_type}'. It would train "
        "another function than the checkpoint's. Choose a checkpoint with absolute positions, e.g. "
        "bert-base-uncased."
    )


def _own_code(values: Mapping[str, Any]) -> list[str]:
    """The classes of transformers that code of the checkpoint's author would replace."""
    replaced = values.get("auto_map")
    return sorted(replaced) if isinstance(replaced, dict) else []


def _reject_own_model(config_file: Path, values: Mapping[str, Any]) -> None:
    """Raise UnsafeCheckpoint if the author's code defines the encoder and its class is unknown."""
    from transformers.models.auto import modeling_auto

    stated = values.get("architectures")
    if not isinstance(stated, list) or not {"AutoConfig", "AutoModel"} & {*_own_code(values)}:
        return
    classes = {
        each
        for name, mapping in vars(modeling_auto).items()
        if name.endswith("_MAPPING_NAMES")
        for each in _listed(mapping.get(values["model_type"]))
    }
    if classes.isdisjoint(stated):
        raise UnsafeCheckpoint(_needs_own_code(config_file))


def _listed(names: str | Sequence[str] | None) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names or ())


def _own_code_note(values: Mapping[str, Any], config: "PreTrainedConfig") -> tuple[str, ...]:
    replaced = _own_code(values)
    if not replaced:
        return ()
    return (
        f"The code of the checkpoint's author (auto_map: {', '.join(replaced)}) is not run; the "
        f"model is that of {type(config).__name__} in transformers.",
    )


def _require_encoder(config: "PreTrainedConfig") -> None:
    """Raise UnsupportedArchitecture for an encoder-decoder and for quantised weights.

    `direction` decides whether a model is causal.
    """
    kind = config.model_type
    if getattr(config, "is_encoder_decoder", False):
        reason = "it consists of an encoder and a decoder"
    elif getattr(config, "add_cross_attention", False):
        reason = "its layers also read the output of an encoder (add_cross_attention)"
    elif getattr(config, "quantization_config", None) is not None:
        reason = "its weights are quantised, and quantised weights cannot be fine-tuned here"
    else:
        return
    raise UnsupportedArchitecture(
        f"'{kind}' cannot be used: {reason}. Choose an encoder, e.g. bert, roberta, distilbert, "
        "deberta-v2, electra or modernbert."
    )


def _read_object(config_file: Path) -> Mapping[str, Any]:
    repeated: list[str] = []

    def object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(name for name, _ in pairs)
        repeated[:] = [name for name, count in counts.items() if count > 1]  # last: the whole file
        return dict(pairs)

    try:
        values = read_json(config_file, object_of=object_of)
    except OSError as error:
        raise DamagedCheckpoint(f"{config_file} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise DamagedCheckpoint(
            f"{config_file} is not JSON: {one_line(error)} Copy the checkpoint again."
        ) from None
    if not isinstance(values, dict):
        raise DamagedCheckpoint(
            f"{config_file} must be a JSON object with a model_type; it is a "
            f"{type(values).__name__}."
        )
    if repeated:
        raise DamagedCheckpoint(
            f"{config_file} contains {quoted(repeated)} several times. Keep one value of each."
        )
    return values


def _unknown_type(config_file: Path, model_type: str) -> str:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    close = nearest_names(model_type, CONFIG_MAPPING_NAMES)
    nearest = f" Nearest: {', '.join(close)}." if close else ""
    return (
        f"{config_file} has model_type '{shortened(model_type, 80)}', which transformers "
        f"{version('transformers')} does not include.{nearest} A newer version may include it."
    )


def _needs_own_code(config_file: Path) -> str:
    return (
        f"{config_file} refers to code of the checkpoint's author (auto_map), not to an "
        "architecture of transformers. Freeze Lab never runs code from a checkpoint. "
        "Choose one with a built-in model_type."
    )


def _impossible(config_file: Path, error: Exception) -> str:
    return f"{config_file} contains an invalid value: {one_line(error)}"
