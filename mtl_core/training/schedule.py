"""Learning rate schedules within a phase."""

from math import ceil, cos, pi

from mtl_core.freezing.plan import Schedule

WARM_UP_SHARE = 0.1
_CUT_ONE_IN = 10  # 1 / cut_frac of Howard & Ruder 2018; an integer, so that the floor is exact
_RATIO = 32  # the highest rate divided by the lowest


def rate_factor(schedule: Schedule, step: int, steps: int) -> float:
    """Return the factor of a phase's learning rates at `step` (from 1) of `steps`, in (0, 1].

    Linear warms up over the first tenth of the phase, then falls to reach zero one step after its
    end. Cosine falls along half a cosine wave instead. Every phase restarts its schedule, because
    a layer unfrozen late would otherwise have a rate near zero and no warm-up.
    """
    if schedule is Schedule.CONSTANT:
        return 1.0
    if schedule is Schedule.SLANTED_TRIANGULAR:
        return _slanted_triangular(step, steps)
    warm_up = ceil(WARM_UP_SHARE * steps)
    if step <= warm_up:
        return step / warm_up
    if schedule is Schedule.COSINE:
        return (1 + cos(pi * (step - warm_up) / (steps + 1 - warm_up))) / 2
    return (steps + 1 - step) / (steps + 1 - warm_up)


def _slanted_triangular(step: int, steps: int) -> float:
    """Return a factor that rises to 1 over the first tenth and then falls slowly to 1/32.

    Source: Howard & Ruder 2018, equation 3, with t = `step`, T = `steps`, cut_frac 0.1, ratio 32.
    Two cases are undefined there. Below ten steps the paper's cut is 0; here it is at least 1. If
    ten does not divide T, the paper's p becomes negative before the end; here it is at least 0,
    which gives the lowest rate of the paper.
    """
    cut = max(1, steps // _CUT_ONE_IN)
    p = step / cut if step < cut else 1 - (step - cut) / (cut * (_CUT_ONE_IN - 1))
    return (1 + max(0.0, p) * (_RATIO - 1)) / _RATIO
