"""The Pareto front: the plans that no other plan beats in both quality and cost."""

from collections.abc import Callable, Sequence

from mtl_core.analysis.plans import PlanResult


def front(
    plans: Sequence[PlanResult], task: str, cost: Callable[[PlanResult], float | None]
) -> tuple[str, ...]:
    """Returns the labels of the plans on the front of mean metric and cost, cheapest first.

    A plan is not on the front if another plan is at least as good and at most as expensive, and
    strictly better in one of the two. Plans without a mean or a cost are left out. Means alone
    decide: a plan whose improvement was not shown is on the front too.
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
