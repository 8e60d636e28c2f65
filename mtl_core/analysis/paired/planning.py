"""What a design can find, and how many seeds or sentences would decide.

A design finds a difference with a probability of POWER if it exceeds the half width of the interval
by the POWER quantile of Student's t times the standard error (docs/measures.md).
"""

from dataclasses import dataclass, replace

import numpy as np

from mtl_core.analysis.paired.components import Components, Floats
from mtl_core.analysis.paired.intervals import PairedDifference, standard_error, student

POWER = 0.8
"""The probability with which a planned design finds a difference."""

MOST_SEEDS = 100
MOST_SENTENCES = 100_000


@dataclass(frozen=True, slots=True)
class Enough:
    """The numbers that would decide: of seeds with the same sentences, of sentences with the same
    seeds. None if MOST_SEEDS or MOST_SENTENCES are not enough."""

    seeds: int | None
    sentences: int | None


def smallest_difference(found: PairedDifference) -> float | None:
    """Returns the difference that this design finds with POWER.

    None with fewer than two seeds, and if earlier looks have spent the error.
    """
    if found.parts is None or found.parts.between_seeds is None or not found.level:
        return None
    return float(_detectable(found.parts, found.level, found.seeds, found.sentences))


def enough_to_decide(found: PairedDifference, margin: float) -> Enough:
    """Returns how many seeds, or sentences, would decide.

    Decided means: the interval excludes 0 or is inside ± `margin`, with a probability of POWER or
    more if the measured difference is the true one. Inside needs both ends, each of which may fail
    with half of 1 - POWER.
    """
    parts, level = found.parts, found.level
    if parts is None or parts.between_seeds is None or not level:
        return Enough(None, None)
    inside = margin - abs(parts.effect) > abs(parts.effect)
    target = margin - abs(parts.effect) if inside else abs(parts.effect)
    power = (1 + POWER) / 2 if inside else POWER
    seeds = np.arange(parts.seeds + 1, MOST_SEEDS + 1)
    by_seeds = _detectable(parts, level, seeds, np.full_like(seeds, parts.sentences), power)
    if not parts.sentences:
        return Enough(_first(seeds, by_seeds < target), None)
    sentences = np.unique(np.geomspace(parts.sentences, MOST_SENTENCES, 500).astype(np.int64))
    by_sentences = _detectable(parts, level, np.full_like(sentences, parts.seeds), sentences, power)
    return Enough(_first(seeds, by_seeds < target), _first(sentences, by_sentences < target))


def expected_interval(found: PairedDifference, seeds: int, sentences: int) -> PairedDifference:
    """Returns the interval of the same difference with other numbers of seeds and of sentences.

    The components of its variance are taken as the true ones. Raises ValueError without components,
    and with fewer than two seeds.
    """
    if found.parts is None or seeds < 2:
        raise ValueError("An expected interval needs components of variance and two seeds.")
    error, freedom = _error_with(found.parts, seeds, sentences)
    reach = float(student(1 - found.level / 2, freedom) * error)
    low, high = found.effect - reach, found.effect + reach
    return replace(found, low=low, high=high, seeds=seeds, sentences=sentences, parts=None)


def _detectable(
    parts: Components,
    level: float,
    seeds: int | np.ndarray,
    sentences: int | np.ndarray,
    power: float = POWER,
) -> Floats:
    """The smallest difference of designs with these numbers of seeds and of sentences."""
    error, freedom = _error_with(parts, seeds, sentences)
    return (student(1 - level / 2, freedom) + student(power, freedom)) * error


def _error_with(
    parts: Components, seeds: int | np.ndarray, sentences: int | np.ndarray
) -> tuple[Floats, Floats]:
    """The standard error and its degrees of freedom with these numbers."""
    fewer = parts.sentences / np.maximum(sentences, 1) if parts.sentences else 1.0
    between = parts.between_seeds or 0.0
    own = max(between - parts.rest, 0.0)  # of the seeds themselves, for any number of sentences
    rest = parts.rest * fewer
    return standard_error(own + rest, rest, parts.of_sentences * fewer, seeds, sentences)


def _first(numbers: np.ndarray, enough: np.ndarray) -> int | None:
    return int(numbers[enough.argmax()]) if enough.any() else None
