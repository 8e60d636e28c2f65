"""Keys of a config.json that transformers does not read: which are refused, which are noted.

Without a check, a size under another name is ignored and the default size applies in its place.
Published files also contain keys of earlier versions, of pretraining and of other programs, which
change nothing.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl_core.errors import DamagedCheckpoint
from mtl_core.models.configuration_keys import counterparts, is_size, keys_read, own_fields
from mtl_core.models.trained_vector import CONFIG_KEY
from mtl_core.nearest import nearest_names, quoted
from mtl_core.text import shortened

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
)
"""The sizes that every published configuration states, if its class has them."""

_WITHOUT_MEANING = frozenset(
    {
        CONFIG_KEY,
        "finetuning_task",
        "onnx_export",
        "output_past",
        "prefix",
        "pruned_heads",
        "task_specific_params",
        "tf_legacy_loss",
        "tie_weights_",
        "tie_encoder_decoder",
        "tie_word_embeddings",
        "tokenizer_class",
        "use_bfloat16",
        "use_cache",
        "xla_device",
    }
)
"""Keys that earlier versions of transformers, or Freeze Lab, write and that are not sizes."""

_LIMIT = "max_position_embeddings"
_POSITIONS = "position_embedding_type"
_POSITION_WORDS = frozenset({"rope", "rotary", "alibi"})
_WIDTH_WORDS = frozenset({"size", "dim", "width", "inner", "ff", "ffn", "hidden", "embd"})
_COUNT_WORDS = frozenset({"num", "layer", "layers", "head", "heads", "vocab", "type", "max"})
_SHOWN, _LONGEST_VALUE = 8, 40
_STEM = 5
_EMBEDDING_SIZE = "embedding_size"
_TYPO = 0.85  # similarity of 'layer_norm_epsilon' and 'layer_norm_eps' is 0.88


@dataclass(frozen=True, slots=True)
class UnreadKey:
    """A key that transformers does not read, with its value.

    `doubtful`: the model may be another one than the file describes. `nearest` are the names of the
    class that the key may stand for.
    """

    name: str
    value: object
    doubtful: bool
    nearest: tuple[str, ...] = ()


def unread_keys(values: Mapping[str, Any], config: "PreTrainedConfig") -> tuple[UnreadKey, ...]:
    """The keys of `values` that have no effect on `config`, which was built from them.

    Left out are keys without a value (null, false, zero, empty, or a name with an underscore in
    front), and keys whose value applies all the same.
    """
    judged = _JudgedKeys(values, config)
    ignored = keys_read(type(config)) | _WITHOUT_MEANING
    return tuple(
        judged.key(name, value)
        for name, value in values.items()
        if name not in ignored
        and not name.startswith("_")
        and value
        and not judged.applies(name, value)
    )


def reject_doubtful(file: Path, unread: Iterable[UnreadKey], config: "PreTrainedConfig") -> None:
    """Raise DamagedCheckpoint, with the nearest names, if a key may describe another model."""
    doubtful = [each for each in unread if each.doubtful]
    if not doubtful:
        return
    names = dict.fromkeys(name for each in doubtful for name in each.nearest)
    nearest = f"Nearest: {quoted(names)}." if names else f"Its sizes: {quoted(_sizes(config))}."
    stated = ", ".join(
        f"'{shortened(each.name)}' {_shown(each.value)}" for each in doubtful[:_SHOWN]
    )
    more = f" and {len(doubtful) - _SHOWN} more keys" if len(doubtful) > _SHOWN else ""
    raise DamagedCheckpoint(
        f"{file} contains {stated}{more}. {type(config).__name__} of transformers does not read "
        "this, so the model would be another one than the file describes. "
        f"{nearest} Rename keys that describe the model; remove the others."
    )


def reject_two_values(file: Path, values: Mapping[str, Any], config: "PreTrainedConfig") -> None:
    """Raise DamagedCheckpoint if a key and its other name in the class have different values."""
    for other, name in config.attribute_map.items():
        if other in values and name in values and values[other] != values[name]:
            raise DamagedCheckpoint(
                f"{file} has '{name}' {values[name]} and '{other}' {values[other]}, which are two "
                f"names of one value in {type(config).__name__}. Remove one of them."
            )


def unread_note(unread: Iterable[UnreadKey], config: "PreTrainedConfig") -> tuple[str, ...]:
    """A sentence with the keys that have no effect; none if there are no such keys."""
    names = [each.name for each in unread]
    if not names:
        return ()
    return (
        f"{type(config).__name__} of transformers does not read {quoted(names)} in config.json.",
    )


def _sizes(config: "PreTrainedConfig") -> list[str]:
    return [name for name in own_fields(type(config)) if _is_whole(vars(config).get(name))]


def _shown(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


class _JudgedKeys:
    """Decides which unread keys of one file are doubtful."""

    def __init__(self, values: Mapping[str, Any], config: "PreTrainedConfig") -> None:
        names = config.attribute_map
        self._config, self._class = config, type(config)
        self._fields = own_fields(self._class)
        self._stated = {names.get(name, name) for name in values}
        self._sizes = [names.get(name, name) for name in _SIZES]

    def key(self, name: str, value: object) -> UnreadKey:
        """Judge one key."""
        doubtful = (
            self._is_another_value(name)
            or self._is_another_size(name, value)
            or self._changes_positions(name, value)
            or self._may_be_a_size(value)
            or self._resembles_a_default(name, value)
            or self._is_misspelt(name)
        )
        return UnreadKey(name, value, doubtful, self._nearest(name) if doubtful else ())

    def applies(self, name: str, value: object) -> bool:
        """Whether a field of the configuration that the key may stand for has this value."""
        if name == _POSITIONS:  # `configuration` refuses positions that are not computed
            return True
        fields = counterparts(name, self._class) or self._widths(name)
        return any(vars(self._config).get(field) == value for field in fields)

    def _is_another_value(self, name: str) -> bool:
        """Whether another class calls a field so, and the file states no value for the field.

        It is also doubtful which of two numbers is right, unless it only limits the positions.
        """
        numbers = _sizes(self._config)
        return any(
            field not in self._stated or (field in numbers and field != _LIMIT)
            for field in counterparts(name, self._class)
        )

    def _is_another_size(self, name: str, value: object) -> bool:
        return is_size(name) and not counterparts(name, self._class) and _is_whole(value)

    def _changes_positions(self, name: str, value: object) -> bool:
        """Whether the key describes another way in which positions enter the model."""
        rope = vars(self._config).get("rope_parameters")
        if _POSITION_WORDS.isdisjoint(name.split("_")):
            return False
        applies = isinstance(value, int | float) and (value == 1 or value in (rope or {}).values())
        return rope is None or value is True or not applies

    def _may_be_a_size(self, value: object) -> bool:
        """Whether a number, or sizes inside an object, may replace one that the file lacks."""
        nested = isinstance(value, dict) and not value.keys().isdisjoint(self._fields)
        return bool((_is_whole(value) or nested) and self._unstated_sizes)

    def _resembles_a_default(self, name: str, value: object) -> bool:
        """Whether a number may be that of a field with a similar word, which the file lacks.

        `d_embed` resembles `embedding_size`: words are compared by their first letters.
        """
        return _is_whole(value) and bool(self._similar_defaults(name))

    def _similar_defaults(self, name: str) -> list[str]:
        stems = _stems(name)
        numbers = [field for field in _sizes(self._config) if field not in self._stated]
        return [field for field in numbers if not stems.isdisjoint(_stems(field))]

    def _is_misspelt(self, name: str) -> bool:
        words = [
            field
            for field in self._fields
            if field not in self._stated and not field.startswith("classifier")
        ]
        return bool(nearest_names(name, words, cutoff=_TYPO))

    def _nearest(self, name: str) -> tuple[str, ...]:
        return (
            counterparts(name, self._class)
            or tuple(nearest_names(name, self._fields, most=1))
            or tuple(self._similar_defaults(name))
        )

    @property
    def _unstated_sizes(self) -> list[str]:
        return [size for size in self._sizes if size in self._fields and size not in self._stated]

    def _widths(self, name: str) -> list[str]:
        """The fields that are widths, if the key may be one.

        None if the file lacks a width of the model: the key may be meant for it.
        """
        lacking = {*self._sizes, _EMBEDDING_SIZE} & set(self._fields) - self._stated
        if any(map(_is_width, lacking)):
            return []
        return [field for field in self._fields if _is_width(field)] if _is_width(name) else []


def _is_width(name: str) -> bool:
    """Whether a key or a field is named like a width, and not like a number of layers or tokens."""
    words = set(name.split("_"))
    return not words.isdisjoint(_WIDTH_WORDS) and words.isdisjoint(_COUNT_WORDS)


def _stems(name: str) -> set[str]:
    """The first letters of the longer words of a name."""
    return {word[:_STEM] for word in name.split("_") if len(word) >= _STEM}


def _is_whole(value: object) -> bool:
    """Whether the value is a whole number, or a list of such numbers."""
    parts = value if isinstance(value, list) and value else [value]
    return all(isinstance(part, int) and not isinstance(part, bool) for part in parts)
