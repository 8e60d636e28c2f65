"""The 95 % intervals of the effects of claims, with the p-values that belong to them.

Each interval misses the true effect with a probability of 5 %, half of it on each side. The p-value
of a bound is the lowest such probability at which the interval would lie on one side of the bound.
Formulas and sources: docs/measures.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from statistics import fmean, stdev

import numpy as np

from mtl_core.analysis.paired.intervals import ERROR, PairedDifference, error_of, student
from mtl_core.analysis.paired.planning import POWER, smallest_difference


@dataclass(frozen=True, slots=True)
class Estimate:
    """An effect with its interval.

    `p_above` and `p_below` return the p-value of the effect being above, or below, a bound.
    `detects` is the distance from a bound that the design finds with POWER, None if unknown.
    `sentences` is 0 if the interval covers the variation over seeds only.
    """

    effect: float
    low: float
    high: float
    seeds: int
    p_above: Callable[[float], float]
    p_below: Callable[[float], float]
    sentences: int = 0
    detects: float | None = None


def of_pairs(found: PairedDifference) -> Estimate:
    """The estimate of a difference paired by seed, and by sentence if its sentences are known.

    Raises ValueError if the difference does not have its components.
    """
    if found.parts is None:
        raise ValueError("A p-value needs the components of the variance.")
    error, freedom = map(float, error_of(found.parts))
    above, below = _student_tails(found.effect, error, freedom)
    return Estimate(
        effect=found.effect,
        low=found.low,
        high=found.high,
        seeds=found.seeds,
        p_above=above,
        p_below=below,
        sentences=found.sentences,
        detects=smallest_difference(found),
    )


def of_mean(values: Sequence[float]) -> Estimate | None:
    """The mean of one value per seed by Student's t; None for fewer than two seeds."""
    if len(values) < 2:
        return None
    mean, freedom = fmean(values), len(values) - 1
    error = stdev(values) / sqrt(len(values))
    point, power = (float(student(share, freedom)) for share in (1 - ERROR / 2, POWER))
    above, below = _student_tails(mean, error, freedom)
    return Estimate(
        effect=mean,
        low=mean - point * error,
        high=mean + point * error,
        seeds=len(values),
        p_above=above,
        p_below=below,
        detects=(point + power) * error,
    )


def of_ratios(ratios: Sequence[float]) -> Estimate | None:
    """The geometric mean of one positive ratio per seed, by Student's t on the logarithms.

    None for fewer than two seeds. `detects` is unknown.
    """
    found = of_mean([log(each) for each in ratios])
    return found and _exponential(found)


def of_share(successes: int, trials: int) -> Estimate:
    """A share of independent seeds with its exact interval. Source: Clopper and Pearson 1934."""
    from scipy.special import betainc, betaincinv

    failures = trials - successes
    low = float(betaincinv(successes, failures + 1, ERROR / 2)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - ERROR / 2)) if failures else 1.0

    def above(bound: float) -> float:
        return min(1.0, 2 * float(betainc(successes, failures + 1, bound))) if successes else 1.0

    def below(bound: float) -> float:
        lower = 1 - float(betainc(successes + 1, failures, bound)) if failures else 1.0
        return min(1.0, 2 * lower)

    return Estimate(successes / trials, low, high, trials, above, below)


def of_spread(ones: Sequence[float], others: Sequence[float]) -> Estimate | None:
    """The ratio of the spreads of two arms whose scores are paired by seed.

    Spread: the mean absolute deviation from the median, which needs no normal scores. None for
    fewer than three seeds, or if an arm does not vary. Source: Bonett and Seier 2003, with
    Student's t. `detects` is unknown.
    """
    if len(ones) < 3:
        return None
    apart = [np.abs(np.asarray(each) - np.median(each)) for each in (ones, others)]
    means = [float(each.mean()) for each in apart]
    if not all(means):
        return None
    ratio = means[0] / means[1]
    relative = apart[0] / means[0] - apart[1] / means[1]  # its mean is 0
    found = of_mean([log(ratio) + float(each) for each in relative])
    return found and _exponential(found)


def _exponential(found: Estimate) -> Estimate:
    """The estimate of the exponential of an effect."""
    return Estimate(
        effect=exp(found.effect),
        low=exp(found.low),
        high=exp(found.high),
        seeds=found.seeds,
        p_above=lambda bound: found.p_above(log(bound)),
        p_below=lambda bound: found.p_below(log(bound)),
    )


def _student_tails(
    effect: float, error: float, freedom: float
) -> tuple[Callable[[float], float], Callable[[float], float]]:
    def apart(difference: float) -> float:
        if error:
            return difference / error
        return float("inf") if difference > 0 else float("-inf") if difference < 0 else 0.0

    def above(bound: float) -> float:
        return _tail(apart(effect - bound), freedom)

    def below(bound: float) -> float:
        return _tail(apart(bound - effect), freedom)

    return above, below


def _tail(statistic: float, freedom: float) -> float:
    """Twice the probability that Student's t exceeds the statistic, at most 1."""
    from scipy.special import stdtr

    return min(1.0, 2 * float(stdtr(min(freedom, 1e6), -statistic)))
