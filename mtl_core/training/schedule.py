"""How a learning rate moves within a phase."""

from math import ceil

from mtl_core.freezing.plan import Schedule

WARM_UP_SHARE = 0.1


def rate_factor(schedule: Schedule, step: int, steps: int) -> float:
    """What a phase's rates are multiplied with at `step` (from 1) of `steps`.

    Linear warms up over the first tenth of the phase and then falls to reach zero one step after
    its end. It starts anew in each phase: a layer thawed late would otherwise meet a rate near
    zero, and no warm-up.
    """
    if schedule is Schedule.CONSTANT:
        return 1.0
    warm_up = ceil(WARM_UP_SHARE * steps)
    if step <= warm_up:
        return step / warm_up
    return (steps + 1 - step) / (steps + 1 - warm_up)
