"""Baselines that the runs contain: untrained heads, and plans on a random encoder.

`tasks.baselines` computes those that need no model.
"""

from statistics import fmean

from mtl_core.analysis.plans import PlanComparison, PlanResult
from mtl_core.tasks.baselines import Baseline


def baselines_of_runs(comparison: PlanComparison) -> tuple[Baseline, ...]:
    """Returns the score of untrained heads and of each plan on a random encoder.

    Untrained heads are the mean over all plans that start from the checkpoint. Baselines that no
    run contains are left out.
    """
    found = []
    plain = [
        plan
        for plan in comparison.plans
        if not any(run.spec.random_backbone or run.spec.starts_from for run in plan.runs.values())
    ]
    before = {
        task.name: fmean(values)
        for task in comparison.tasks
        if (
            values := [
                first
                for plan in plain
                if task.name in plan.tasks and (first := plan.tasks[task.name].before) is not None
            ]
        )
    }
    if before:
        meaning = "The checkpoint with randomly initialized heads, before the first step."
        label = "untrained heads"
        found.append(Baseline(name="untrained", label=label, values=before, meaning=meaning))
    other = [plan for plan in comparison.plans if not _is_random(plan)]
    for plan in comparison.plans if other else ():  # a plan is not its own baseline
        scores = {n: each.mean for n, each in plan.tasks.items() if each.mean is not None}
        if scores and _is_random(plan):
            meaning = (
                "The same architecture with random weights, which shows the effect of pretraining."
            )
            name, label = f"random:{plan.label}", f"random encoder, {plan.label}"
            found.append(Baseline(name=name, label=label, values=scores, meaning=meaning))
    return tuple(found)


def _is_random(plan: PlanResult) -> bool:
    return all(run.spec.random_backbone for run in plan.runs.values())
