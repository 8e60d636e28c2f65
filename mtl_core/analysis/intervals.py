"""A 95 % interval of a mean over seeds: Student's t, for a handful of values."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

# The 97.5 % points of Student's t with 1, 2, … 19 degrees of freedom.
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093),
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and what bounds it with 95 % confidence."""

    mean: float
    low: float
    high: float


def over_seeds(values: Sequence[float]) -> Interval | None:
    """The mean of one value a seed and its interval; None for fewer than two seeds.

    It speaks of chance over seeds alone, not over sentences. Values that are all equal give an
    interval of no width.
    """
    if len(values) < 2:
        return None
    mean = fmean(values)
    point = _T[min(len(values) - 1, len(_T)) - 1]
    half = point * stdev(values) / sqrt(len(values))
    return Interval(mean, mean - half, mean + half)
