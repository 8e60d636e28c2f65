"""A finding on a claim: effect, interval and bar, and the verdict that follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp, log

from mtl_core.analysis.intervals import Interval, over_seeds
from mtl_core.analysis.paired import PairedDifference


class ClaimVerdict(StrEnum):
    """What the runs here say of a claim."""

    HOLDS = "holds here"
    DOES_NOT_HOLD = "does not hold here"
    WITHIN_NOISE = "within noise"
    OPEN = "not tested here"


class Scale(StrEnum):
    """How an effect reads: a difference around 0, a ratio around 1, or a share."""

    DIFFERENCE = "difference"
    RATIO = "ratio"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Finding:
    """An effect, turned so that more speaks for the claim; `bar` is what it has to pass.

    `low` and `high` are None where the effect is counted, not estimated. `sentences` is 0 where
    the interval speaks of seeds alone. `detail` says in words what the numbers do not.
    """

    verdict: ClaimVerdict
    scale: Scale = Scale.DIFFERENCE
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    bar: float = 0.0
    seeds: int = 0
    sentences: int = 0
    detail: str | None = None


def over_differences(effects: Sequence[float], bar: float) -> Finding:
    """Of one difference a seed, by Student's t."""
    return _judged(over_seeds(effects), effects, bar, Scale.DIFFERENCE)


def over_ratios(ratios: Sequence[float], bar: float) -> Finding:
    """Of one ratio a seed: the geometric mean, by Student's t on the logarithms."""
    found = over_seeds([log(each) for each in ratios])
    geometric = Interval(exp(found.mean), exp(found.low), exp(found.high)) if found else None
    return _judged(geometric, ratios, bar, Scale.RATIO)


def over_pairs(paired: PairedDifference, bar: float) -> Finding:
    """Of pairs over seeds and sentences."""
    found = Interval(paired.effect, paired.low, paired.high)
    finding = _judged(found, [paired.effect] * paired.seeds, bar, Scale.DIFFERENCE)
    return replace(finding, sentences=paired.sentences)


def _judged(found: Interval | None, effects: Sequence[float], bar: float, scale: Scale) -> Finding:
    if found is None:
        only = effects[0] if effects else None
        return Finding(ClaimVerdict.OPEN, scale, only, bar=bar, seeds=len(effects))
    if found.low > bar:
        verdict = ClaimVerdict.HOLDS
    elif found.high < bar:
        verdict = ClaimVerdict.DOES_NOT_HOLD
    else:
        verdict = ClaimVerdict.WITHIN_NOISE
    return Finding(verdict, scale, found.mean, found.low, found.high, bar, len(effects))
