"""Scores without fine-tuning that runs show: untrained heads, and plans on a random encoder.

They stand beside those that the data alone give (`tasks.baselines`).
"""

from statistics import fmean

from mtl_core.analysis.plans import PlanComparison, PlanResult
from mtl_core.tasks.baselines import Baseline


def baselines_of_runs(comparison: PlanComparison) -> tuple[Baseline, ...]:
    """Untrained heads, the mean over all plans that start from the checkpoint, and each plan's
    score on a random encoder; none for what no run shows."""
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
        meaning = "The checkpoint with heads as they were drawn, before any step."
        label = "untrained heads"
        found.append(Baseline(name="untrained", label=label, values=before, meaning=meaning))
    other = [plan for plan in comparison.plans if not _is_random(plan)]
    for plan in comparison.plans if other else ():  # no plan stands beside itself
        scores = {n: each.mean for n, each in plan.tasks.items() if each.mean is not None}
        if scores and _is_random(plan):
            meaning = "The same architecture with random weights: what pretraining is worth."
            name, label = f"random:{plan.label}", f"random encoder, {plan.label}"
            found.append(Baseline(name=name, label=label, values=scores, meaning=meaning))
    return tuple(found)


def _is_random(plan: PlanResult) -> bool:
    return all(run.spec.random_backbone for run in plan.runs.values())
