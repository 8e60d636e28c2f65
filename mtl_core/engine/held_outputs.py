"""Estimates how much memory a run needs for outputs of frozen layers, from its plan and its data.

Outputs in the files of the cache are read batch by batch and need none. They are in memory if the
cache has no room for them, if they are not those of the checkpoint, or if a group reads them.
"""

from collections.abc import Iterable
from functools import lru_cache
from math import ceil

from mtl_core.cost.estimate import FLOAT_BYTES
from mtl_core.errors import FreezeLabError
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.models.description import ModelDescription
from mtl_core.settings import HEAD_ROWS_BYTES, FileAccess, Settings
from mtl_core.tasks.dataset import Example, load_dataset
from mtl_core.training.phases import learning_steps, phase_steps, steps_per_epoch
from mtl_core.training.prefix.plan import ReadSentences, phase_prefixes
from mtl_core.training.spec import RunSpec

TOKENS_PER_WORD = 1.5
"""Sub-words of a word, estimated: more than English words have in an English vocabulary."""

_SPECIAL_TOKENS = 2
_MAX_DATA = 32


def held_output_bytes(
    spec: RunSpec, model: ModelDescription, settings: Settings, access: FileAccess, grouped: bool
) -> int:
    """Estimate the memory for outputs of frozen layers and for the rows that heads read.

    `grouped`: the run may be trained together with others, on rows of all its data. Without data
    that can be read, only the rows of a run alone are counted; the run itself reports the problem.
    """
    limit, token_bytes = settings.prefix_memory_bytes, model.backbone.hidden_size * FLOAT_BYTES
    try:
        bytes_at_a_depth = _tokens(spec, spec.data, access) * token_bytes
        if grouped:
            others = sum(_tokens(spec, other, access) for other in spec.also_evaluate)
            return max(HEAD_ROWS_BYTES, min(bytes_at_a_depth + others * token_bytes, limit))
        in_cache, own = _depths(spec, model, access)
    except FreezeLabError:
        return HEAD_ROWS_BYTES
    cached = in_cache * bytes_at_a_depth
    held = min(cached, limit) if cached > settings.cache_bytes else 0
    return HEAD_ROWS_BYTES + held + own * min(bytes_at_a_depth, limit)


def _depths(spec: RunSpec, model: ModelDescription, access: FileAccess) -> tuple[int, int]:
    """Return how many depths of the checkpoint a run reads, and how many of its own at a time."""
    if not spec.reuses_prefix:
        return 0, 0
    tables = parameter_tables(spec.plan, model)
    counts, _ = _lengths(spec.data, access, tuple(sorted(spec.examples.items())))
    per_epoch = steps_per_epoch(counts[0], spec.batch_size)
    steps = learning_steps(tables, phase_steps(spec, per_epoch))
    sentences = ReadSentences(*counts, per_epoch, spec.evaluations_per_epoch)
    read = [
        each
        for each in phase_prefixes(tables, steps, model.backbone.layers, sentences)
        if each.depth is not None
    ]
    return len({each.depth for each in read if each.original}), int(
        any(not each.original for each in read)
    )


def _tokens(spec: RunSpec, data: str, access: FileAccess) -> int:
    """Estimate the tokens of all sentences of the data that a run reads."""
    limits = tuple(sorted(spec.examples.items())) if data == spec.data else ()
    _, words = _lengths(data, access, limits)
    return sum(
        count * min(spec.max_length, _SPECIAL_TOKENS + ceil(length * TOKENS_PER_WORD))
        for length, count in words
    )


@lru_cache(_MAX_DATA)
def _lengths(
    data: str, access: FileAccess, limits: tuple[tuple[str, int], ...]
) -> tuple[tuple[int, int, int], tuple[tuple[int, int], ...]]:
    """Return the numbers of training, validation and test sentences, and of each number of words.

    The data are read once in a process, so a file that changes gives an old estimate.
    """
    dataset = load_dataset(data, access, dict(limits))
    counted: dict[int, int] = {}
    for length in _words((*dataset.train, *dataset.validation, *dataset.test)):
        counted[length] = counted.get(length, 0) + 1
    sizes = len(dataset.train), len(dataset.validation), len(dataset.test)
    return sizes, tuple(sorted(counted.items()))


def _words(examples: Iterable[Example]) -> Iterable[int]:
    return (len(each.words or (each.text or "").split()) for each in examples)
