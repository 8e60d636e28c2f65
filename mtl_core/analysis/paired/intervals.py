"""Simultaneous 95 % confidence intervals of the differences between plans.

1. Each pair of plans has its own variance, that of the seeds plus that of the sentences, with the
   degrees of freedom of Welch and Satterthwaite. Nothing is pooled over plans: a plan that varies
   widely widens its own intervals and not those of the others, and never profits from them.
2. The best plan is chosen from the same data. The intervals against it are therefore valid for all
   pairs of plans at once: each has the level 1 - (1 - error)^(1 / pairs) of Sidak. Against a
   reference that was chosen beforehand, the pairs with that reference are enough.

This is the T2 procedure of Tamhane (1977), applied to paired differences. The intervals are
deterministic. How often they err was measured: docs/decisions/0034.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from mtl_core.analysis.paired.components import (
    Components,
    Floats,
    decompose,
    decompose_between_data,
)
from mtl_core.analysis.paired.looks import level_of_look
from mtl_core.analysis.paired.scores import Scores, SeedScore

ERROR = 0.05
"""The probability that any interval of a comparison misses the true difference."""

_LEAST_DISAGREEMENT = 2
"""The variance is never below that of this many sentences with different answers: equal answers to
the evaluated sentences do not show that two plans answer every sentence equally."""

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """One plan less another on the same seeds and the same sentences.

    `low` and `high` bound the confidence interval over seeds and sentences, which misses with a
    probability of `level`. `seeds` and `sentences` count the pairs; `sentences` is 0 if only the
    seeds were paired. `parts` are the components of the variance.
    """

    effect: float
    low: float
    high: float
    seeds: int
    sentences: int
    level: float = ERROR
    parts: Components | None = None

    @property
    def significant(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


def differences_from(
    plans: Mapping[Name, Scores],
    reference: Name,
    looks: Sequence[Collection[int]] = (),
    *,
    by_part: bool = False,
) -> dict[Name, PairedDifference]:
    """Computes each other plan less the reference; plans without an interval are left out.

    The intervals of all pairs hold simultaneously, so that the reference may be the best plan by
    the same scores: the probability that any is wrong is at most about ERROR, at all looks
    together. `looks` are the seeds at earlier looks at the results, the first look first; a look at
    one seed gives no verdict and spends no error. An interval is the intersection of those at all
    looks: adding seeds never makes it wider. `by_part` is for a reference that hardly varies over
    the seeds (`reach_by_part`).
    """
    error = level_of_pair(ERROR, comb(len(plans), 2))
    found = {
        label: _over_looks(scores, plans[reference], looks, error, by_part=by_part)
        for label, scores in plans.items()
        if label != reference
    }
    return {label: each for label, each in found.items() if each is not None}


def differences_from_fixed(
    plans: Mapping[Name, Scores],
    fixed: Mapping[str, SeedScore],
    looks: Sequence[Collection[int]] = (),
) -> dict[str, dict[Name, PairedDifference]]:
    """Computes each plan less each score of `fixed`, which has no seeds, for example a baseline.

    By the name of the fixed score, then by plan; plans without an interval are left out. A fixed
    score is paired by sentence with each seed of a plan, so what varies over the seeds is the plan.
    The intervals of all these pairs hold simultaneously, at all looks together. Their half widths
    are those of `reach_by_part`: every pair counts in both directions here, and with few seeds that
    vary widely Satterthwaite's degrees of freedom err too often (docs/decisions/0034).
    """
    error = level_of_pair(ERROR, max(len(plans) * len(fixed), 1))
    found: dict[str, dict[Name, PairedDifference]] = {name: {} for name in fixed}
    for name, score in fixed.items():
        for label, scores in plans.items():
            same = dict.fromkeys(scores, score)
            each = _over_looks(scores, same, looks, error, by_part=True)
            if each is not None:
                found[name][label] = each
    return found


def _over_looks(
    one: Scores,
    other: Scores,
    looks: Sequence[Collection[int]],
    error: float,
    *,
    by_part: bool = False,
) -> PairedDifference | None:
    every, counts = set(one) & set(other), tuple[int, ...]()
    earlier = (seeds for look in looks if len(seeds := every & set(look)) > 1)  # one: no verdict
    found: PairedDifference | None = None
    for seeds in (*earlier, every):
        if len(seeds) <= max(counts, default=0):
            continue
        counts = (*counts, len(seeds))
        seen = {seed: one[seed] for seed in seeds}
        at_look = difference(seen, other, level_of_look(counts, error), by_part=by_part)
        if at_look is not None:
            found = at_look if found is None else _intersection(found, at_look)
    return found


def _intersection(earlier: PairedDifference, later: PairedDifference) -> PairedDifference:
    """The later difference inside both intervals; with its own interval if they do not overlap."""
    low, high = max(earlier.low, later.low), min(earlier.high, later.high)
    return replace(later, low=low, high=high) if low <= high else later


def difference(
    one: Scores, other: Scores, level: float = ERROR, *, by_part: bool = False
) -> PairedDifference | None:
    """Computes `one` less `other` with the interval that misses with a probability of `level`.

    None without a shared seed, and if the variance is unknown: with one seed and no predictions,
    or with differences that are equal for all seeds and no predictions. `by_part` uses
    `reach_by_part` if there are several seeds.
    """
    return _interval(decompose(one, other), level, by_part=by_part)


def _interval(
    parts: Components | None, level: float, *, by_part: bool = False
) -> PairedDifference | None:
    if parts is None or (not parts.sentences and not parts.between_seeds):
        return None
    reach = _reach(parts, level, by_part=by_part)
    low, high = parts.effect - reach, parts.effect + reach
    if parts.sentences:  # scores of sentences are shares: no difference is outside -1 to 1
        low, high = max(low, -1.0), min(high, 1.0)
    return PairedDifference(parts.effect, low, high, parts.seeds, parts.sentences, level, parts)


def _reach(parts: Components, level: float, *, by_part: bool) -> float:
    if by_part and parts.between_seeds is not None:
        components = parts.between_seeds, parts.rest, parts.of_sentences
        return float(reach_by_part(*components, parts.seeds, parts.sentences, level))
    error, freedom = error_of(parts)
    return float(student(1 - level / 2, freedom) * error)


def difference_between_data(
    one: Scores, other: Scores, level: float = ERROR
) -> PairedDifference | None:
    """Computes `one` less `other`, the scores of one plan on two data sets, with its interval.

    The seeds are paired, the sentences are not: the variances that they cause are added, each by
    the analysis of its own table, with the degrees of freedom of the smaller one. `sentences` is
    the smaller number. None as `difference`. Formulas: docs/measures.md.
    """
    return _interval(decompose_between_data(one, other), level)


def level_of_pair(error: float, pairs: int) -> float:
    """Returns Sidak's level of each of `pairs` intervals with the joint `error`."""
    return float(-np.expm1(np.log1p(-error) / pairs))


def error_of(parts: Components) -> tuple[Floats, Floats]:
    """Returns the standard error of a difference and its degrees of freedom."""
    if parts.between_seeds is None:
        error = np.sqrt(_floored(parts.of_sentences, parts.sentences))
        return error, np.asarray(parts.sentences - 1.0)
    return standard_error(
        *(parts.between_seeds, parts.rest, parts.of_sentences, parts.seeds, parts.sentences)
    )


def standard_error(
    between_seeds: ArrayLike,
    rest: ArrayLike,
    of_sentences: ArrayLike,
    seeds: ArrayLike,
    sentences: ArrayLike,
) -> tuple[Floats, Floats]:
    """Returns the standard error of a difference and its degrees of freedom.

    The arguments are numbers or arrays of one shape, which the results have: the fields of
    `Components`. `seeds` are two or more. Seeds can agree by chance, so their variance is never
    below `rest`. Source of the degrees of freedom: Satterthwaite 1946.
    """
    number = np.asarray(seeds, dtype=np.float64)
    count = np.asarray(sentences, dtype=np.float64)
    of_seeds, of_cases = np.maximum(between_seeds, rest) / number, np.asarray(of_sentences)
    variance = of_seeds + of_cases
    uncertain = of_seeds**2 / (number - 1) + of_cases**2 / np.maximum(count - 1, 1)
    known = uncertain > 0
    freedom = np.where(known, variance**2 / np.where(known, uncertain, 1.0), number - 1)
    return np.sqrt(_floored(variance, count)), freedom


def reach_by_part(
    between_seeds: ArrayLike,
    rest: ArrayLike,
    of_sentences: ArrayLike,
    seeds: ArrayLike,
    sentences: ArrayLike,
    level: float,
) -> Floats:
    """Returns the half width of an interval that misses with a probability of at most `level`.

    The arguments but the last are those of `standard_error`. The quantile is the mean of those of
    the seeds and of the sentences, each with its own degrees of freedom, weighted by their
    variances. Source: Cochran and Cox 1950, for two means with unequal variances.
    """
    number = np.asarray(seeds, dtype=np.float64)
    count = np.asarray(sentences, dtype=np.float64)
    of_seeds, of_cases = np.maximum(between_seeds, rest) / number, np.asarray(of_sentences)
    share = 1 - level / 2
    by_seeds, by_sentences = student(share, number - 1), student(share, np.maximum(count - 1, 1))
    variance = of_seeds + of_cases
    whole = np.where(variance > 0, variance, 1.0)
    weight = np.where(variance > 0, of_seeds / whole, 1.0)
    return (weight * by_seeds + (1 - weight) * by_sentences) * np.sqrt(_floored(variance, count))


def student(share: float, freedom: ArrayLike) -> Floats:
    """Returns the quantile of Student's t for the share of its probability below it."""
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.minimum(freedom, 1e6), share), dtype=np.float64)


def _floored(variance: ArrayLike, sentences: ArrayLike) -> Floats:
    count = np.asarray(sentences, dtype=np.float64)
    least = np.where(count > 0, _LEAST_DISAGREEMENT / np.maximum(count, 1) ** 2, 0.0)
    return np.maximum(variance, least)
