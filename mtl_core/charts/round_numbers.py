"""Round numbers between two ends, for the ticks of an axis."""

from math import ceil, floor, log10


def round_steps(low: float, high: float, most: int, step: float | None = None) -> list[float]:
    """At most `most` + 1 round values from `low` to `high`, in steps of 1, 2 or 5 times a power of
    ten, or in the steps given."""
    if high <= low:
        return []
    least = (high - low) / max(most, 1)
    power = 10 ** floor(log10(least))
    step = step or next(each * power for each in (1, 2, 5, 10) if each * power >= least * 0.999)
    return [n * step for n in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def round_steps_log(low: float, high: float, most: int) -> list[float]:
    """Round values from `low` to `high` for a logarithmic axis, about `most` of them: 1, 2 and 5
    in each power of ten where there is room, else 1 and 3, else powers alone; plain round steps
    where the range is narrow."""
    if high <= low or low <= 0:
        return []
    if high / low < 5:
        return round_steps(low, high, most)
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    for leads in ((1, 2, 5), (1, 3), (1,)):
        values = [lead * 10.0**power for power in powers for lead in leads]
        inside = [float(f"{value:.6g}") for value in values if low <= value <= high]
        if len(inside) <= most:
            return inside
    return inside[:: ceil(len(inside) / most)]
