"""The Pareto front: the plans that no other plan beats at once in quality and in cost."""

from collections.abc import Callable, Sequence

from mtl_core.analysis.plans import PlanResult


def front(
    plans: Sequence[PlanResult], task: str, cost: Callable[[PlanResult], float | None]
) -> tuple[str, ...]:
    """The labels of the plans on the front of `task`'s mean headline metric against `cost`, the
    cheapest first.

    A plan is off it where another is at least as good and at most as dear, and one of the two
    strictly. Plans without a mean or a cost are left out. The front is drawn through means: a
    step up within noise is on it too.
    """
    points = [
        (price, mean, plan.label)
        for plan in plans
        if task in plan.tasks
        and (mean := plan.tasks[task].mean) is not None
        and (price := cost(plan)) is not None
    ]
    kept = [
        point
        for point in points
        if not any(
            other[0] <= point[0] and other[1] >= point[1] and other[:2] != point[:2]
            for other in points
        )
    ]
    return tuple(label for _, _, label in sorted(kept))
