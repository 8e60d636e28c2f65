"""The paired test behind "within noise": plans against the best on the same seeds and sentences.

It tests whether the difference of two plans keeps its sign under other seeds and on other sentences
of the same kind. Both are random and crossed: every seed labels every sentence.

1. An accuracy is the mean of right (1) and wrong (0). Entity F1 = 2 TP / (predicted + labelled) is
   not a mean. Each sentence therefore gets a pseudo-value, the linearisation of the ratio. The mean
   of these values is the F1, and their derivative by a sentence's weight is that of the F1:
   F + n (2 tp - F (predicted + labelled)) / (all predicted + all labelled). For an accuracy the
   same formula gives 1 and 0.
2. A two-way analysis of variance splits the differences d(seed, sentence) into components of
   the seeds, of the sentences and a residual (rest). The variance of the mean difference is
   max(seeds, rest) + max(sentences - rest, 0), each mean square over their number. Its degrees of
   freedom follow Hillis: (sum / seeds' component)^2 (S - 1). The seeds can agree by chance, so
   their component is never below the rest, which the sentences estimate well.
   Source: the analysis of readers and cases in reader studies, Dorfman, Berbaum and Metz 1992,
   Hillis 2007 (from memory, not checked).
3. With three plans or more, the variance between seeds is the mean of the pair's own value and of
   the typical value of all pairs. It has twice the degrees of freedom, since three seeds alone
   estimate it badly. The typical value is the median, corrected to estimate the mean of equal
   pairs. One plan that varies widely then does not hide the differences of the others.
4. The 5 % are divided among the plans compared with the best (Bonferroni), so each interval is
   wider. A plan is below if the whole interval is below zero.

With one seed only the sentences are sampled: the result holds for the two runs, not their plans.
Without stored predictions only the seeds are (Student's t). The test is deterministic. Its rate of
false positives was measured: docs/decisions/0017.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import median
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from mtl_core.analysis.marks import Marks

ALPHA = 0.05
"""The probability of a significant difference from the best if all plans are equal."""


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """One plan less another on the same seeds and the same validation sentences.

    `low` and `high` bound the 95 % confidence interval over seeds and sentences. `seeds` and
    `sentences` count the pairs; `sentences` is 0 if only the seeds were paired.
    """

    effect: float
    low: float
    high: float
    seeds: int
    sentences: int

    @property
    def significant(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class SeedScore:
    """A task's headline metric in one run; `by_sentence` are values, (sentences,), with that mean,
    of the sentences at `places`. None if the predictions are unknown."""

    value: float
    by_sentence: NDArray[np.float64] | None = None
    places: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Components:
    """The components of the difference of two plans.

    `between_seeds` is the variance of the seeds' differences, None for one seed. `rest` is the part
    of it that the sentences explain. `of_sentences` is the part of the variance of `effect` that is
    due to the sentences. `sentences` is 0 if the predictions are unknown.
    """

    effect: float
    seeds: int
    sentences: int
    between_seeds: float | None
    rest: float = 0.0
    of_sentences: float = 0.0


Name = TypeVar("Name", bound=Hashable)
Scores = Mapping[int, SeedScore]
"""One plan's scores on one task, by seed."""


def seed_score(marks: Marks) -> SeedScore:
    """Computes a score with its pseudo-values."""
    right, claimed = marks.counts[:, 0], marks.counts[:, 1] + marks.counts[:, 2]
    score, all_claimed = marks.score, int(claimed.sum())
    if not all_claimed:
        return SeedScore(score, np.zeros(len(right)), marks.places)
    moved = len(right) * (2 * right - score * claimed) / all_claimed
    return SeedScore(score, score + moved, marks.places)


def against_best(plans: Mapping[Name, Scores], best: Name) -> dict[Name, PairedDifference]:
    """Computes each other plan less the best; plans that cannot be tested are left out.

    The intervals hold simultaneously: the probability that any is wrong is at most about ALPHA.
    """
    found = {
        label: components
        for label, scores in plans.items()
        if label != best and (components := decompose(scores, plans[best])) is not None
    }
    pooled = _typical(decompose(one, other) for one, other in combinations(plans.values(), 2))
    judged = {
        label: _interval(components, pooled, ALPHA / len(found))
        for label, components in found.items()
    }
    return {label: each for label, each in judged.items() if each is not None}


def _typical(pairs: Iterable[Components | None]) -> float | None:
    """The typical variance between seeds of all pairs of plans; None for fewer than three pairs.

    The median of a mean square with few degrees of freedom is below its mean, by a factor of
    (1 - 2 / (9 freedom))^3 (Wilson and Hilferty 1931). The result is corrected for that.
    """
    spreads = [
        each.between_seeds / (1 - 2 / (9 * (each.seeds - 1))) ** 3
        for each in pairs
        if each is not None and each.between_seeds is not None
    ]
    return median(spreads) if len(spreads) > 2 else None  # three plans make three pairs


def decompose(one: Scores, other: Scores) -> Components | None:
    """Splits `one` minus `other` on their shared seeds; None without a shared seed."""
    seeds = sorted(set(one) & set(other))
    if not seeds:
        return None
    by_seed = np.array([one[seed].value - other[seed].value for seed in seeds]).round(12)
    effect, count = float(by_seed.mean()), len(seeds)
    spread = float(by_seed.var(ddof=1)) if count > 1 else None
    differences = _by_sentence([(one[seed], other[seed]) for seed in seeds])
    if differences is None:
        return Components(effect, count, 0, spread)
    sentences = differences.shape[1]
    by_sentence = differences.mean(axis=0)
    of_means = float(by_sentence.var(ddof=1))
    if spread is None:
        return Components(effect, 1, sentences, None, of_sentences=of_means / sentences)
    residual = differences - by_seed[:, None] - by_sentence + effect
    rest = float((residual**2).sum()) / ((count - 1) * (sentences - 1))  # a mean square
    of_sentences = max(of_means - rest / count, 0.0) / sentences
    return Components(effect, count, sentences, spread, rest / sentences, of_sentences)


def _by_sentence(pairs: list[tuple[SeedScore, SeedScore]]) -> NDArray[np.float64] | None:
    """(seeds, sentences); None unless every run answered the same two sentences or more."""
    if len({score.places for pair in pairs for score in pair}) != 1 or len(pairs[0][0].places) < 2:
        return None
    rows = [
        one.by_sentence - other.by_sentence
        for one, other in pairs
        if one.by_sentence is not None and other.by_sentence is not None
    ]
    return np.array(rows) if len(rows) == len(pairs) else None


def _interval(
    components: Components, pooled: float | None, alpha: float
) -> PairedDifference | None:
    """None if the variance is unknown: one run each, or only equal differences of seeds."""
    if components.between_seeds is None:
        variance, freedom = components.of_sentences, float(components.sentences - 1)
        if not components.sentences:
            return None
    else:
        own, freedom = components.between_seeds, float(components.seeds - 1)
        if pooled is not None:
            own, freedom = (own + pooled) / 2, 2 * freedom
        of_seeds = max(own, components.rest) / components.seeds
        variance = of_seeds + components.of_sentences
        freedom *= (variance / of_seeds) ** 2 if of_seeds > 0 else 1.0
    if variance == 0 and components.effect != 0 and not components.sentences:
        return None
    reach = _student(1 - alpha / 2, freedom) * sqrt(variance)
    return PairedDifference(
        components.effect,
        components.effect - reach,
        components.effect + reach,
        components.seeds,
        components.sentences,
    )


def _student(share: float, freedom: float) -> float:
    """Quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(min(freedom, 1e6), share))
