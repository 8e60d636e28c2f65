"""The 95 % confidence interval of a mean over a few seeds, by Student's t."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

# The 97.5 % quantiles of Student's t with 1, 2, … 19 degrees of freedom.
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093),
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % confidence bounds."""

    mean: float
    low: float
    high: float


def over_seeds(values: Sequence[float]) -> Interval | None:
    """The mean of one value per seed with its interval; None for fewer than two seeds.

    The interval covers the variation over seeds, not over sentences. Its width is 0 if all values
    are equal.
    """
    if len(values) < 2:
        return None
    mean = fmean(values)
    point = _T[min(len(values) - 1, len(_T)) - 1]
    half = point * stdev(values) / sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def standard_error(share: float, count: int) -> float:
    """Returns the standard error of a share of `count` independent answers: sqrt(p (1 - p) / n).

    It measures the sampling error of the sentences only, and no difference between runs: for
    that, see `analysis.judge`.
    """
    return sqrt(share * (1 - share) / count)
