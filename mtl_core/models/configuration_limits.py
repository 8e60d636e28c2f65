"""The largest sizes of a config.json, checked before transformers builds anything from it.

Building and tracing a model takes time for each layer, and memory for its widths where it cannot be
traced without values. The limits lie above all published text encoders, except for the deepest.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.json_files import read_json

MAX_LAYERS = 64
MAX_WIDTH = 8_192


class _Limit(NamedTuple):
    """The most of a size whose key matches `key`; `total`: of all numbers of a list together."""

    key: re.Pattern[str]
    most: int
    total: bool = False


def _limit(key: str, most: int, total: bool = False) -> _Limit:
    return _Limit(re.compile(key), most, total)


_LIMITS = (
    _limit(r"vocab", 1_000_000),
    _limit(r"attention_window", 2_048),
    _limit(r"position|seq_?len|max_length|window|local_attention|buckets|chunk", 131_072),
    _limit(r"block_sizes|depths", MAX_LAYERS, total=True),
    _limit(r"(^|_)(n|num|encoder|decoder)(_\w+)?_(layers?|blocks)$", MAX_LAYERS),
    _limit(r"(^|_)(layers?|depth)$", MAX_LAYERS),
    _limit(r"experts", 256),
    _limit(r"heads?$|groups?$|_num$", 256),
    _limit(r"intermediate|inner|ffn|(^|_)ff(_|$)|feed_?forward|^hidden_dim$|ffw", 4 * MAX_WIDTH),
    _limit(r"hidden|embd|embedding|width|channels|d_model|(^|_)dim$|(^|_)size$|d_kv", MAX_WIDTH),
)
"""By key, the first that matches. `hidden_dim` is the width of DistilBERT's feed-forward part."""

_NO_SIZES = re.compile(r"_ids?$|theta|^(id2label|label2id|task_specific_params|auto_map)$|^type_")
_MOST_OF_ALL = 10_000_000
_DEEPEST = 8


def require_sizes(config_file: Path, values: Mapping[str, Any]) -> None:
    """Raises UnsupportedArchitecture, with key, value and limit, for a size over its limit."""
    for key, value in _numbers(values):
        limit = next((each for each in _LIMITS if each.key.search(key)), None)
        most = limit.most if limit else _MOST_OF_ALL
        numbers = value if isinstance(value, list) else [value]
        largest = sum(map(abs, numbers)) if limit and limit.total else max(map(abs, numbers))
        if largest > most:
            raise UnsupportedArchitecture(
                f"{config_file} has {key} {_shown(largest)}; at most {most:,} "
                f"{'are' if most == MAX_LAYERS else 'is'} supported. Choose a smaller encoder."
            )


def require_sizes_in(config_file: Path) -> None:
    """As `require_sizes`, for a file; one that cannot be read is left to its reader."""
    with suppress(OSError, ValueError):
        values = read_json(config_file)
        if isinstance(values, dict):
            require_sizes(config_file, values)


def _shown(number: float) -> str:
    return f"{number:,}" if number < 10**15 else "over 10^15"


def _numbers(
    values: Mapping[str, Any], depth: int = 0
) -> Iterator[tuple[str, float | list[float]]]:
    """Each key with a number, or a list of numbers, also in objects inside."""
    for key, value in values.items():
        if _NO_SIZES.search(key):
            continue
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from _numbers(value, depth + 1)
        elif _is_number(value):
            yield key, value
        elif isinstance(value, list) and (numbers := [each for each in value if _is_number(each)]):
            yield key, numbers


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
