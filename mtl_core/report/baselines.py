"""Baselines for comparison with plans, and the data on which they must be computed."""

from collections.abc import Mapping, Sequence

from mtl_core.analysis.baselines import baselines_of_runs
from mtl_core.analysis.plans import PlanComparison, headlines
from mtl_core.charts.pareto_labels import BaselineLine
from mtl_core.freezing.titles import task_title
from mtl_core.report.compared import ComparedRuns, lowest_seed_run
from mtl_core.tasks.baselines import Baseline
from mtl_core.text import listed
from mtl_core.training.comparison import TrainSize
from mtl_core.training.spec import RunSpec

BaselinesByTask = Mapping[str, Sequence[BaselineLine]]
"""By task, the scores that need no fine-tuning."""

_MAJORITY = "majority class"
_PHRASES = {_MAJORITY: "the majority class", "bag of words": "a bag of words"}
"""By the label of `tasks.baselines`, how a sentence names a baseline that needs no encoder."""

BaselinesBySize = Mapping[TrainSize, Sequence[Baseline]]
"""By number of training sentences of each task, the scores that need no model."""


def baselines_by_task(shown: ComparedRuns, of_data: Sequence[Baseline]) -> BaselinesByTask:
    """Joins the baselines of the data (see `shared_limits`) and those that the runs contain."""
    baselines = [*of_data, *baselines_of_runs(shown.plans)]
    return {
        task.name: [
            BaselineLine(each.label, each.values[task.name])
            for each in baselines
            if task.name in each.values
        ]
        for task in shown.plans.tasks
    }


def unbeaten_words(
    comparison: PlanComparison, task: str, baselines: Sequence[BaselineLine]
) -> str | None:
    """Names the highest baseline without an encoder that no plan exceeds: "no plan beats a bag of
    words, 0.74". None if the mean of a plan is higher, or without such a baseline."""
    plans = comparison.scored(task)
    known = [each for each in baselines if each.label in _PHRASES]
    if not plans or not known:
        return None
    highest = max(known, key=lambda each: each.value)
    if (plans[0].tasks[task].mean or 0.0) > highest.value:
        return None
    return f"no plan beats {_PHRASES[highest.label]}, {highest.value:.2f}"


def collapse_lines(comparison: PlanComparison, baselines: BaselinesByTask) -> tuple[str, ...]:
    """Names the seeds of each plan that are no better than the majority class, if others are."""
    chance = {
        task: each.value
        for task, lines in baselines.items()
        for each in lines
        if each.label == _MAJORITY
    }
    found = []
    for task in comparison.tasks:
        for plan in comparison.scored(task.name) if task.name in chance else ():
            scores = headlines(plan, task.name)
            failed = [seed for seed, score in scores.items() if score <= chance[task.name]]
            if 0 < len(failed) < len(scores):
                seeds = f"seed{'s' * (len(failed) > 1)} {listed([str(seed) for seed in failed])}"
                found.append(
                    f"{task_title(task.name)}, {plan.label}: {len(failed)} of {len(scores)} seeds "
                    f"{'is' if len(failed) == 1 else 'are'} no better than the majority class, "
                    f"{chance[task.name]:.2f} ({seeds})."
                )
    return tuple(found)


def shared_limits(shown: ComparedRuns) -> dict[str, int] | None:
    """Returns the limits of training sentences by task that all plans share, empty for no limit.

    None if the plans do not share them: then no baseline is comparable with all plans.
    """
    limits = [lowest_seed_run(plan).spec.examples for plan in shown.plans.plans]
    equal = bool(limits) and all(each == limits[0] for each in limits)
    return limits[0] if equal and shown.plans.same_sentences else None


def limits_by_size(shown: ComparedRuns) -> dict[TrainSize, tuple[RunSpec, dict[str, int]]]:
    """Returns by number of training sentences, the largest first, a spec and its limits by task.

    The spec is that of a started run if there is one, since that records the data's digests.
    """
    found = {}
    for each in shown.by_size[::-1]:
        specs = [run.spec for plan in each.plans.plans for run in plan.runs.values()]
        spec = max(specs, key=lambda spec: bool(spec.data_digests))
        if each.plans.same_sentences:
            found[each.size] = (spec, dict(spec.examples))
    return found
