"""Determines which plan is best on each task and which plans differ from it significantly.

The pages, the note, JSON and text all show these verdicts. A single run is a plan with one seed.

1. The plan with the highest mean is best, and so is each plan with an equal mean.
2. Every other plan is tested against the (first) best by `analysis.paired`, on the seeds that both
   have: "below" if the difference is significant, otherwise "within noise".
3. "Open" is a plan that cannot be tested, or that is significantly better than the best on the
   seeds that both have. All are open unless the runs were evaluated on the same sentences.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import isclose

from mtl_core.analysis.marks import GoldLabels, final_answers, mark
from mtl_core.analysis.paired.intervals import PairedDifference, differences_from_best
from mtl_core.analysis.paired.scores import SeedScore, seed_score
from mtl_core.analysis.plans import (
    Labelled,
    PlanComparison,
    PlanResult,
    Verdict,
    group_by_plan,
    headlines,
)
from mtl_core.tasks.task import Task


def compare_plans(runs: Sequence[Labelled], gold: GoldLabels | None = None) -> PlanComparison:
    """Groups runs by plan (`plans.group_by_plan`) and judges the plans on every task.

    With `gold` (`marks.gold_labels` of the runs' dataset) the test pairs sentences and seeds,
    without it seeds only.
    """
    comparison = group_by_plan(runs)
    if not comparison.same_validation_set:
        return comparison
    plans: Sequence[PlanResult] = comparison.plans
    for task in comparison.tasks:
        plans = _with_verdicts(plans, task, gold or {})
    return replace(comparison, plans=tuple(plans))


def _with_verdicts(
    plans: Sequence[PlanResult], task: Task, gold: GoldLabels
) -> Sequence[PlanResult]:
    """Adds the verdicts on one task, if two plans or more have a score."""
    means = {
        place: mean
        for place, plan in enumerate(plans)
        if task.name in plan.tasks and (mean := plan.tasks[task.name].mean) is not None
    }
    if len(means) < 2:
        return plans
    best = max(means, key=lambda place: means[place])
    equal = {place for place, mean in means.items() if isclose(mean, means[best], abs_tol=1e-12)}
    scores = {place: _scores(plans[place], task, gold) for place in means}
    differences = differences_from_best(scores, best)
    return [
        _with_verdict(plan, task.name, place in equal, differences.get(place))
        for place, plan in enumerate(plans)
    ]


def _with_verdict(
    plan: PlanResult, task: str, is_best: bool, difference: PairedDifference | None
) -> PlanResult:
    if is_best:
        verdict, difference = Verdict.BEST, None
    elif difference is None or difference.low > 0:
        verdict = Verdict.OPEN
    else:
        verdict = Verdict.BELOW if difference.significant else Verdict.WITHIN_NOISE
    if task not in plan.tasks:
        return plan
    result = replace(plan.tasks[task], verdict=verdict, against_best=difference)
    return replace(plan, tasks={**plan.tasks, task: result})


def _scores(plan: PlanResult, task: Task, gold: GoldLabels) -> dict[int, SeedScore]:
    """Scores the plan's finished runs by sentence, or as a whole if the marks of a run's answers
    are unknown or do not add up to the score that the run reported."""
    found = {}
    for seed, value in headlines(plan, task.name).items():
        answers = final_answers(plan.runs[seed])
        marks = mark(answers, task, gold) if answers else None
        known = marks is not None and isclose(marks.score, value, abs_tol=1e-9)
        found[seed] = seed_score(marks) if marks is not None and known else SeedScore(value)
    return found
