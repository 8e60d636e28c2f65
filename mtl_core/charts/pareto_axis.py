"""What a plan is paid for with, and how that is laid out on an axis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log10

from mtl_core.analysis.plans import PlanResult
from mtl_core.charts.round_numbers import round_steps, round_steps_log

_ROOM = 0.09  # of the axis, beyond the first and the last point


class Cost(StrEnum):
    """What a plan is paid for with."""

    SECONDS = "seconds"
    MEMORY = "peak memory"
    SHARE = "trained share"


@dataclass(frozen=True, slots=True)
class Scale:
    """How a cost is laid out: its axis' title, whether that is logarithmic, a value in words."""

    title: str
    logarithmic: bool
    said: Callable[[float], str]

    def place(self, value: float) -> float:
        """Where a value stands on the axis: a logarithm is taken here, so that the axis is plain
        wherever the figure is drawn."""
        return log10(value) if self.logarithmic else value

    def axis(self, places: Sequence[float]) -> tuple[tuple[float, float], list[float]]:
        """The range that holds these places with some room, and the values that get a tick."""
        if not places:
            return (0.0, 1.0), []
        first, last = min(places), max(places)
        least = 0.3 if self.logarithmic else 0.1 * last
        room = max(last - first, least) * _ROOM
        low, high = first - room, last + room
        if last - first < least:
            low, high = (first + last - least) / 2 - room, (first + last + least) / 2 + room
        if self.logarithmic:
            return (low, high), round_steps_log(10**low, 10**high, 5)
        return (low, high), round_steps(low, high, 5)


def cost_of(plan: PlanResult, cost: Cost) -> float | None:
    """What the plan costs: mean seconds, mean bytes, or the share of the parameters, 0 to 1."""
    match cost:
        case Cost.SECONDS:
            return plan.seconds
        case Cost.MEMORY:
            return plan.peak_memory_bytes
        case Cost.SHARE:
            known = plan.trainable is not None and plan.total
            return (plan.trainable or 0) / (plan.total or 1) if known else None


def _bytes(value: float) -> str:
    return f"{value / 1e9:.3g} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def _share(value: float) -> str:
    return "none" if value == 0 else f"{100 * value:.3g} %"


SCALES = {
    Cost.SECONDS: Scale("seconds of a whole run, log scale", True, lambda v: f"{v:,.3g} s"),
    Cost.MEMORY: Scale("peak memory of a run", False, _bytes),
    Cost.SHARE: Scale("share of the parameters that learn, log scale", True, _share),
}
