"""Determines which plan is best on each task, and what is shown about the others.

The pages, the note, JSON and text all show these verdicts. A single run is a plan with one seed.

1. The plan with the highest mean over two seeds or more is best; of equal means the first.
2. Every other plan is compared with the best on the seeds that both have. `analysis.outcomes`
   decides by the interval of `analysis.paired`: equivalent, below or undecided.
3. "Open" is a plan without a test: with one shared seed, without known variance, or better than the
   best on the seeds that both have. One seed gives no verdict, only a difference. All are open
   unless the runs were evaluated on the same sentences.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mtl_core.analysis.marks import GoldLabels, final_answers
from mtl_core.analysis.outcomes import Against, OutcomeRule, against, outcome
from mtl_core.analysis.paired.components import decompose
from mtl_core.analysis.paired.intervals import (
    PairedDifference,
    differences_from,
    differences_from_fixed,
)
from mtl_core.analysis.paired.scores import Scores, SeedScore, marked_score
from mtl_core.analysis.plans import (
    Labelled,
    PlanComparison,
    PlanResult,
    TaskResult,
    Verdict,
    group_by_plan,
    headlines,
)
from mtl_core.tasks.task import Task


def compare_plans(
    runs: Sequence[Labelled], gold: GoldLabels | None = None, rule: OutcomeRule | None = None
) -> PlanComparison:
    """Groups runs by plan (`plans.group_by_plan`) and judges the plans on every task.

    With `gold` (`marks.gold_labels` of the runs' dataset) the test pairs sentences and seeds,
    without it seeds only.
    """
    comparison = group_by_plan(runs)
    if not comparison.same_sentences:
        return comparison
    plans: Sequence[PlanResult] = [_with_scores(plan, gold or {}) for plan in comparison.plans]
    for task in comparison.tasks:
        plans = _with_verdicts(plans, task, rule or OutcomeRule())
    looks = tuple(len(seeds) for seeds in rule.looks if len(seeds) > 1) if rule else ()
    return replace(comparison, plans=tuple(plans), looks=looks)


def against_reference(
    comparison: PlanComparison, reference: str, rule: OutcomeRule
) -> dict[str, dict[str, Against]]:
    """Compares each judged plan with the plan labelled `reference`: by task, the verdict by label.

    The intervals are of the same family as those against the best: all hold together. A plan
    without a test has the verdict `OPEN`, no interval, and its difference on shared seeds.
    """
    found: dict[str, dict[str, Against]] = {}
    if not comparison.same_sentences:
        return found
    for task in comparison.tasks:
        scores = _scores_by_plan(comparison, task)
        if reference in scores and len(scores) > 1:
            intervals = differences_from(scores, reference, rule.looks)
            found[task.name] = {
                label: against(
                    intervals.get(label), rule.margin_of(task), _effect(own, scores[reference])
                )
                for label, own in scores.items()
                if label != reference
            }
    return found


def against_baselines(
    comparison: PlanComparison, task: Task, baselines: Mapping[str, SeedScore], rule: OutcomeRule
) -> dict[str, dict[str, Against]]:
    """Compares each judged plan with each baseline: by baseline, the verdict by the plan's label.

    All these intervals hold together; they are a family of their own beside those between plans.
    """
    scores = _scores_by_plan(comparison, task) if comparison.same_sentences else {}
    intervals = differences_from_fixed(scores, baselines, rule.looks)
    return {
        name: {
            label: against(
                found.get(label),
                rule.margin_of(task),
                _effect(own, dict.fromkeys(own, baselines[name])),
            )
            for label, own in scores.items()
        }
        for name, found in intervals.items()
    }


def _scores_by_plan(comparison: PlanComparison, task: Task) -> dict[str, Scores]:
    """By label, the scores of the plans on a task, the highest mean first."""
    plans = comparison.scored(task.name)
    return {plan.label: plan.tasks[task.name].scores for plan in plans}


def _with_scores(plan: PlanResult, gold: GoldLabels) -> PlanResult:
    tasks = {
        name: replace(result, scores=_scores(plan, result.task, gold))
        for name, result in plan.tasks.items()
    }
    return replace(plan, tasks=tasks)


def _with_verdicts(
    plans: Sequence[PlanResult], task: Task, rule: OutcomeRule
) -> Sequence[PlanResult]:
    """Adds the verdicts on one task, if two plans or more have a score."""
    results = {
        place: result
        for place, plan in enumerate(plans)
        if (result := plan.tasks.get(task.name)) is not None and result.mean is not None
    }
    if len(results) < 2:
        return plans
    best = max(results, key=lambda place: (results[place].seeds > 1, results[place].mean))
    scores = {place: result.scores for place, result in results.items()}
    intervals = differences_from(scores, best, rule.looks)
    results = {
        place: replace(result, margin=rule.margin_of(task)) for place, result in results.items()
    }
    judged = {
        place: _judged(result, place == best, scores[place], scores[best], intervals.get(place))
        for place, result in results.items()
    }
    return [
        replace(plan, tasks={**plan.tasks, task.name: judged[place]}) if place in judged else plan
        for place, plan in enumerate(plans)
    ]


def _judged(
    result: TaskResult,
    is_best: bool,
    scores: Scores,
    best: Scores,
    interval: PairedDifference | None,
) -> TaskResult:
    if is_best:
        return replace(result, verdict=Verdict.BEST if result.seeds > 1 else Verdict.OPEN)
    result = replace(result, verdict=Verdict.OPEN, difference=_effect(scores, best))
    if interval is None or interval.seeds < 2 or result.margin is None:
        return result
    verdict = outcome(interval, result.margin)
    if verdict is Verdict.ABOVE:
        return result
    return replace(result, verdict=verdict, against_best=interval)


def _effect(one: Scores, other: Scores) -> float | None:
    """The mean difference over the seeds that both have; None without one."""
    parts = decompose(one, other)
    return None if parts is None else parts.effect


def _scores(plan: PlanResult, task: Task, gold: GoldLabels) -> dict[int, SeedScore]:
    """Scores the plan's finished runs by sentence where their answers are known."""
    return {
        seed: marked_score(value, final_answers(plan.runs[seed], task.name), task, gold)
        for seed, value in headlines(plan, task.name).items()
    }
