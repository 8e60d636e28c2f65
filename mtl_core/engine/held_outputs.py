"""Estimates how much memory a run needs for outputs of frozen layers, from its plan and its data.

Outputs in the files of the cache are read batch by batch and need none. They are in memory if the
cache has no room for them, if they are not those of the checkpoint, or if a group reads them.
"""

from math import ceil

from mtl_core.cost.estimate import FLOAT_BYTES
from mtl_core.engine.planned_passes import planned_passes
from mtl_core.errors import FreezeLabError
from mtl_core.models.description import ModelDescription
from mtl_core.settings import HEAD_ROWS_BYTES, Settings
from mtl_core.tasks.data_sources import ReadsData
from mtl_core.training.spec import RunSpec

TOKENS_PER_WORD = 1.5
"""Sub-words of a word, estimated: more than English words have in an English vocabulary."""

_SPECIAL_TOKENS = 2


def held_output_bytes(
    spec: RunSpec, model: ModelDescription, settings: Settings, load: ReadsData, grouped: bool
) -> int:
    """Estimate the memory for outputs of frozen layers and for the rows that heads read.

    `grouped`: the run may be trained together with others, on rows of all its data. Without data
    that can be read, only the rows of a run alone are counted; the run itself reports the problem.
    """
    limit, token_bytes = settings.prefix_memory_bytes, model.backbone.hidden_size * FLOAT_BYTES
    try:
        bytes_at_a_depth = _tokens(spec, spec.data, load) * token_bytes
        if grouped:
            others = sum(_tokens(spec, other, load) for other in spec.also_evaluate)
            return max(HEAD_ROWS_BYTES, min(bytes_at_a_depth + others * token_bytes, limit))
        in_cache, own = _depths(spec, model, load)
    except FreezeLabError:
        return HEAD_ROWS_BYTES
    cached = in_cache * bytes_at_a_depth
    held = min(cached, limit) if cached > settings.cache_bytes else 0
    return HEAD_ROWS_BYTES + held + own * min(bytes_at_a_depth, limit)


def _depths(spec: RunSpec, model: ModelDescription, load: ReadsData) -> tuple[int, int]:
    """Return how many depths of the checkpoint a run reads, and how many of its own at a time."""
    prefixes = planned_passes(spec, model, load).prefixes
    read = [each for each in prefixes if each.depth is not None]
    return len({each.depth for each in read if each.original}), int(
        any(not each.original for each in read)
    )


def mean_tokens(spec: RunSpec, load: ReadsData) -> int:
    """Estimate the tokens of an average sentence of a run. Raises DataError."""
    sentences = sum(load(spec.data, spec.examples).sentences_by_words.values())
    return max(1, round(_tokens(spec, spec.data, load) / max(1, sentences)))


def _tokens(spec: RunSpec, data: str, load: ReadsData) -> int:
    """Estimate the tokens of all sentences of the data that a run reads."""
    found = load(data, spec.examples if data == spec.data else {})
    return sum(
        count * min(spec.max_length, _SPECIAL_TOKENS + ceil(length * TOKENS_PER_WORD))
        for length, count in found.sentences_by_words.items()
    )
