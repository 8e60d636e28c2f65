"""What stands in a figure of quality against cost: a point a plan, baselines, the heights."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mtl_core.analysis.plans import PlanComparison, TaskResult
from mtl_core.charts.pareto_axis import SCALES, Cost, cost_of

_FAR_BELOW = 1.2  # a baseline further below than so many heights of the plot is only told
_LEAST_HEIGHT = 0.08  # of the axis: the ticks of a smaller one read alike at two decimals
_NOTHING = 10.0  # a share of 0 stands as many times below the smallest one


@dataclass(frozen=True, slots=True)
class Baseline:
    """A score that needs no fine-tuning: the majority class, a bag of words, untrained heads."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Point:
    """A plan in the figure: `x` as the axis places it, its mean score, lowest and highest seed."""

    label: str
    x: float
    result: TaskResult
    mean: float
    low: float
    high: float
    on_front: bool
    said: str


def points_of(
    comparison: PlanComparison, task: str, front: Collection[str], cost: Cost
) -> list[Point]:
    """The plans that have a score and a known cost, the cheapest first."""
    known = [
        (plan, result, value)
        for plan in comparison.plans
        if (result := plan.tasks.get(task)) is not None
        and result.mean is not None
        and (value := cost_of(plan, cost)) is not None
    ]
    scale = SCALES[cost]
    least = min((value for _, _, value in known if value > 0), default=1.0)
    return [
        Point(
            plan.label,
            scale.place(value or least / _NOTHING),
            result,
            result.mean or 0.0,
            (result.mean if result.low is None else result.low) or 0.0,
            (result.mean if result.high is None else result.high) or 0.0,
            plan.label in front,
            scale.said(value),
        )
        for plan, result, value in sorted(known, key=lambda each: each[2])
    ]


def y_range_of(points: Sequence[Point], baselines: Sequence[Baseline]) -> tuple[float, float]:
    """Over every bar, and down to a baseline that is not far below."""
    low = min((each.low for each in points), default=0.0)
    high = max((each.high for each in points), default=1.0)
    span = max(high - low, 0.04)
    reached = [each.value for each in baselines if each.value > low - _FAR_BELOW * span]
    low, high = min([low, *reached]), max([high, *reached])
    room = max((high - low) * 0.16, (_LEAST_HEIGHT - (high - low)) / 2)
    return low - room, high + room
