"""The level of an interval after seeds were added: looking again spends error.

If seeds are added until a difference is significant, one is found too often. The error is therefore
divided among the looks at the results by a spending function (Lan and DeMets 1983), here
error * (seeds / DECIDING_SEEDS) ** 0.15 of the power family (Kim and DeMets 1987). Five seeds spend
90 % of the error and three 83 %: an interval is hardly wider than if no look could follow.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import pi, sqrt

import numpy as np

from mtl_core.analysis.paired.components import Floats
from mtl_core.training.comparison import DECIDING_SEEDS

_EXPONENT = 0.15
_POINTS = 401
"""The number of points of the grid over which densities are integrated."""


def spent_error(seeds: int, error: float) -> float:
    """Returns the part of `error` that is spent by a look at this number of seeds."""
    return error * float(min(seeds / DECIDING_SEEDS, 1.0) ** _EXPONENT)


@lru_cache(maxsize=256)
def level_of_look(seeds: tuple[int, ...], error: float) -> float:
    """Returns the level of the interval at the last look; 0 if no error is left.

    `seeds` counts the seeds at each look, increasing. The probability that any of the intervals
    misses is then at most `error`, for a normal mean whose information grows with the seeds. If
    sentences contribute to the variance, the looks agree more, and the probability is lower.
    Source of the recursion over looks: Armitage, McPherson and Rowe 1969.
    Raises ValueError if the numbers of seeds do not increase.
    """
    if not seeds or any(later <= earlier for earlier, later in pairwise(seeds)):
        raise ValueError(f"The numbers of seeds at the looks must increase: {list(seeds)}.")
    if len(seeds) == 1:
        return spent_error(seeds[0], error)
    from scipy.special import ndtr

    level, before, undecided = 0.0, 0, _Undecided(np.zeros(1), np.ones(1))
    for count in seeds:
        spent = spent_error(count, error) - spent_error(before, error)
        if spent <= 0:
            return 0.0
        step = sqrt(count - before)
        bound = _bound(undecided, step, spent)
        level = float(2 * ndtr(-bound / sqrt(count)))
        undecided, before = undecided.moved(step, bound), count
    return level


@dataclass(frozen=True, slots=True)
class _Undecided:
    """The sum of the seeds where no look has decided: points and their probability masses."""

    points: Floats
    masses: Floats

    def beyond(self, step: float, bound: float) -> float:
        """The probability that the sum is beyond ± `bound` after a step of that deviation."""
        from scipy.special import ndtr

        tails = ndtr((-bound - self.points) / step) + ndtr((self.points - bound) / step)
        return float(tails @ self.masses)

    def moved(self, step: float, bound: float) -> "_Undecided":
        """The sum after the step, inside ± `bound`."""
        points = np.linspace(-bound, bound, _POINTS)
        apart = (points[:, None] - self.points) / step
        density = np.exp(-(apart**2) / 2) @ self.masses / (step * sqrt(2 * pi))
        density[[0, -1]] /= 2  # the trapezoidal rule
        return _Undecided(points, density * (points[1] - points[0]))


def _bound(undecided: _Undecided, step: float, spent: float) -> float:
    """The bound that the sum crosses with a probability of `spent`, by bisection."""
    low, high = 0.0, 1.0
    while undecided.beyond(step, high) > spent:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if undecided.beyond(step, middle) > spent else (low, middle)
    return high
