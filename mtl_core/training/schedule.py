"""How a learning rate moves within a phase."""

from math import ceil, cos, pi

from mtl_core.freezing.plan import Schedule

WARM_UP_SHARE = 0.1
_CUT_ONE_IN = 10  # 1 / cut_frac of Howard & Ruder 2018; a whole number, so that floor is exact
_RATIO = 32  # how much smaller than the full rate the slanted triangle's lowest is


def rate_factor(schedule: Schedule, step: int, steps: int) -> float:
    """What a phase's rates are multiplied with at `step` (from 1) of `steps`; above 0, at most 1.

    Linear warms up over the first tenth of the phase and then falls to reach zero one step after
    its end; cosine does the same along half a wave. Every schedule starts anew in each phase: a
    layer thawed late would otherwise meet a rate near zero, and no warm-up.
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
    """Steeply up to 1 over the first tenth, slowly down to 1/32.

    Source: Howard & Ruder 2018, equation 3, with t = `step`, T = `steps`, cut_frac 0.1, ratio 32.
    Two things it leaves open: its cut is 0 below ten steps, here at least 1; and where ten does
    not divide T its floor makes p negative before the end, and soon the rate too. Here p stays at
    0, the lowest rate that the paper gives.
    """
    cut = max(1, steps // _CUT_ONE_IN)
    p = step / cut if step < cut else 1 - (step - cut) / (cut * (_CUT_ONE_IN - 1))
    return (1 + max(0.0, p) * (_RATIO - 1)) / _RATIO
