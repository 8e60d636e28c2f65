"""Which keys of a config.json the classes of transformers read, and the names of sizes there.

A configuration class accepts any key. A key that neither the class nor its model reads has no
effect: the default of another key applies in its place.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_READ_BY_ALL = frozenset(
    {
        "attn_implementation",
        "auto_map",
        "experts_implementation",
        "model_type",
        "name_or_path",
        "num_labels",
        "output_attentions",
        "per_layer_config",
        "quantization_config",
        "torch_dtype",
    }
)
"""Keys that every configuration class takes besides its fields."""

_READ_IN_A_MODEL = re.compile(r"\bconfig\.(\w+)|\bgetattr\(\s*(?:self\.)?config,\s*\"(\w+)\"")
_FIELD = re.compile(r"^    (\w+): ([^=\n]+)", re.MULTILINE)
_OTHER_NAMES = re.compile(r"attribute_map(?::[^=]+)? = \{(.*?)\}", re.DOTALL)
_OTHER_NAME = re.compile(r'"(\w+)": "(\w+)"')
_SIZE_WORDS = frozenset(
    {
        *("size", "dim", "width", "hidden", "embd", "inner", "ff", "ffn", "channels"),
        *("n", "num", "depth", "layer", "layers", "head", "heads", "expert", "experts"),
        *("group", "groups", "block", "blocks", "bucket", "buckets"),
    }
)
_LABEL_WORDS = frozenset({"classes", "labels", "choices"})  # sizes of heads, which are not read
_ACTIVATION_WORDS = frozenset({"act", "activation"})
_OTHER_ACTIVATIONS = ("classifier_", "conv_", "pooler_", "summary_")


@dataclass(frozen=True)
class _Names:
    """Names in all configuration classes of transformers.

    `sizes` are fields with whole numbers that are named as a size. `standard` are the common names
    of a field that some class calls otherwise: `n_embd` is `hidden_size` in GPT-2.
    """

    sizes: frozenset[str]
    standard: Mapping[str, frozenset[str]]


def keys_read(config_class: "type[PreTrainedConfig]") -> frozenset[str]:
    """The keys that a configuration class or the code of its models reads.

    They are its fields with their other names, the keywords that it converts, the generation
    options that every class takes out, and what the modelling code reads from a configuration.
    """
    from transformers import GenerationConfig

    return frozenset(
        {
            *field_names(config_class),
            *config_class.attribute_map,
            *_settable_properties(config_class),
            *_converted_keywords(config_class),
            *_read_by_models(Path(inspect.getfile(config_class))),
            *GenerationConfig().to_dict(),
            *_READ_BY_ALL,
        }
    )


def field_names(config_class: "type[PreTrainedConfig]") -> tuple[str, ...]:
    """The names of the fields of a configuration class, in their order."""
    return tuple(each.name for each in fields(config_class))


def own_fields(config_class: "type[PreTrainedConfig]") -> tuple[str, ...]:
    """The fields that not every configuration has, without the ids of special tokens."""
    from transformers import PreTrainedConfig

    common = field_names(PreTrainedConfig)
    names = (name for name in field_names(config_class) if name not in common)
    return tuple(name for name in names if not name.endswith("_id"))


def is_size(name: str) -> bool:
    """Whether a configuration class of transformers has a size of this name."""
    return name in _names().sizes


def counterparts(key: str, config_class: "type[PreTrainedConfig]") -> tuple[str, ...]:
    """The fields of a class that other configuration classes call `key`: `hidden_size` for `dim`.

    In a class that renames a common field itself, the result has the name of that class. The
    activation of the layers has many names, e.g. `hidden_act` and `activation_function`.
    """
    if _is_activation(key):
        return tuple(name for name in own_fields(config_class) if _is_activation(name))
    standard = _names().standard
    others = (own for own, common in standard.items() if key in common)
    common = (config_class.attribute_map.get(name, name) for name in standard.get(key, ()))
    known = field_names(config_class)
    return tuple(sorted({name for name in (*common, *others) if name in known}))


def _is_activation(name: str) -> bool:
    is_named_so = not _ACTIVATION_WORDS.isdisjoint(name.split("_"))
    return is_named_so and not name.startswith(_OTHER_ACTIVATIONS)


def _own_classes(config_class: type[Any]) -> tuple[type[Any], ...]:
    """The class and its bases up to PreTrainedConfig, which is left out."""
    from transformers import PreTrainedConfig

    return config_class.__mro__[: config_class.__mro__.index(PreTrainedConfig)]


def _settable_properties(config_class: type[Any]) -> Iterator[str]:
    for each in _own_classes(config_class):
        for name, value in vars(each).items():
            if isinstance(value, property) and value.fset is not None:
                yield name


def _converted_keywords(config_class: "type[PreTrainedConfig]") -> Iterator[str]:
    """Names that a class takes from further keywords, such as ModernBERT's `global_rope_theta`."""
    methods = [vars(each).get("__post_init__") for each in _own_classes(config_class)]
    if "rope_parameters" in field_names(config_class):
        methods.append(config_class.convert_rope_params_to_dict)
    for method in methods:
        if method is not None:
            constants = inspect.unwrap(method).__code__.co_consts
            yield from (each for each in constants if isinstance(each, str) and each.isidentifier())


@cache
def _read_by_models(config_file: Path) -> frozenset[str]:
    """Names that the modelling code beside the file of a configuration class reads from it."""
    code = config_file.with_name(config_file.name.replace("configuration_", "modeling_"))
    if not code.is_file():
        return frozenset()
    found = _READ_IN_A_MODEL.findall(code.read_text(encoding="utf-8"))
    return frozenset(name for names in found for name in names if name)


def _is_named_as_a_size(name: str) -> bool:
    words = name.split("_")
    return not _SIZE_WORDS.isdisjoint(words) and _LABEL_WORDS.isdisjoint(words)


@cache
def _names() -> _Names:
    """Read from the files, because importing all configuration classes takes seconds."""
    import transformers

    sizes: set[str] = set()
    standard: dict[str, frozenset[str]] = {}
    for file in Path(transformers.__file__).parent.glob("models/*/configuration_*.py"):
        code = file.read_text(encoding="utf-8")
        for name, annotation in _FIELD.findall(code):
            if re.search(r"\bint\b", annotation) and _is_named_as_a_size(name):
                sizes.add(name)
        for names in _OTHER_NAMES.findall(code):
            for common, own in _OTHER_NAME.findall(names):
                standard[own] = standard.get(own, frozenset()) | {common}
    return _Names(frozenset(sizes), standard)
