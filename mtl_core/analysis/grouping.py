"""Runs gathered by plan: the same setting under several seeds becomes one line of a comparison.

The rules, in the order in which they act:

1. Runs given with a label are of one plan where they share the label; runs given without are where
   they share everything but the seed and what the machine decides.
2. Of several runs of one plan and seed the last finished one counts, else the last one; "last" is
   the last given, so callers give the oldest first.
3. Means and ranges are over the finished runs of a plan.
4. The best is the highest mean, and one equal to it is best too. Every other plan is judged
   against the (first) best by `analysis.paired`, on the seeds both have; open where it cannot be,
   or where it is the better one on those seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isclose
from statistics import fmean
from typing import Any

from mtl_core.analysis.comparison import distinct_labels
from mtl_core.analysis.convergence import convergence
from mtl_core.analysis.differences import beyond_the_plan, same_questions
from mtl_core.analysis.grouped import (
    GroupedComparison,
    PairedDifference,
    PlanResult,
    TaskResult,
    Verdict,
)
from mtl_core.analysis.marks import GoldLabels, end_answers, mark
from mtl_core.analysis.paired import SeedScore, against_best, seed_score
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.task import Task
from mtl_core.training.spec import RunSpec

_PER_RUN: dict[str, Any] = {
    "seed": 0,
    "threads": 1,
    "prefix_reuse": True,
    "device": "cpu",
    "weights_digest": None,
    "data_digests": {},
    "other_data_digests": {},
    "versions": {},
}

Labelled = RunSummary | tuple[str, RunSummary]


def group(runs: Sequence[Labelled], gold: GoldLabels | None = None) -> GroupedComparison:
    """Every plan of `runs` in order of first appearance, and every task and seed of any run.

    An item is a summary, or a label and a summary. Plans without a label are called by their
    scenario, else by their plan's name, made distinct where two would read alike. `gold`
    (`marks.gold_labels` of the runs' dataset) lets the paired test see the sentences; without it
    only the seeds speak.
    """
    plans = _plans(runs)
    summaries = [summary for _, by_seed in plans for summary in by_seed.values()]
    specs = [summary.spec for summary in summaries]
    tasks = {task.name: task for spec in specs for task in spec.tasks}
    results = [_plan_result(label, by_seed) for label, by_seed in plans]
    comparable = same_questions(specs)
    if comparable:
        for task in tasks.values():
            results = _judged(results, task, gold or {})
    return GroupedComparison(
        plans=tuple(results),
        tasks=tuple(tasks.values()),
        seeds=tuple(sorted({spec.seed for spec in specs})),
        same_questions=comparable,
        beyond_plan=beyond_the_plan([_seedless(spec) for spec in specs]),
    )


def finished_runs(plan: PlanResult) -> dict[int, RunSummary]:
    """The plan's finished runs by seed, in order of seed."""
    return {seed: run for seed, run in sorted(plan.runs.items()) if run.finished is not None}


def headlines(plan: PlanResult, task: str) -> dict[int, float]:
    """The task's headline metric at the end of each finished run that has it, by seed."""
    return {
        seed: run.finished.metrics[task].headline
        for seed, run in finished_runs(plan).items()
        if run.finished is not None and task in run.finished.metrics
    }


def _plans(runs: Sequence[Labelled]) -> list[tuple[str, dict[int, RunSummary]]]:
    """Each plan's label and its runs by seed."""
    gathered: dict[str, list[RunSummary]] = {}
    own: dict[str, str] = {}  # what a group is known by -> its label; unlabelled ones still lack it
    for each in runs:
        label, summary = each if isinstance(each, tuple) else (None, each)
        known_by = f"label {label}" if label is not None else _setting(summary.spec)
        gathered.setdefault(known_by, []).append(summary)
        if label is not None:
            own[known_by] = label
    nameless = [known_by for known_by in gathered if known_by not in own]
    specs = [_seedless(gathered[known_by][0].spec) for known_by in nameless]
    names = [spec.scenario or spec.plan.name for spec in specs]
    labels = distinct_labels(names, specs, [gathered[each][0].run for each in nameless])
    own |= dict(zip(nameless, labels, strict=True))
    return [(own[known_by], _by_seed(summaries)) for known_by, summaries in gathered.items()]


def _setting(spec: RunSpec) -> str:
    return _seedless(spec).model_copy(update=_PER_RUN).model_dump_json()


def _seedless(spec: RunSpec) -> RunSpec:
    """The spec without what differs by nature between two seeds of one plan.

    A run that goes on from another's model has another parent for each seed.
    """
    parent = None if spec.starts_from is None else "another run"
    return spec.model_copy(update={"seed": 0, "starts_from": parent})


def _by_seed(summaries: Sequence[RunSummary]) -> dict[int, RunSummary]:
    kept: dict[int, RunSummary] = {}
    for summary in summaries:
        before = kept.get(summary.spec.seed)
        if before is None or before.finished is None or summary.finished is not None:
            kept[summary.spec.seed] = summary
    return dict(sorted(kept.items()))


def _plan_result(label: str, by_seed: Mapping[int, RunSummary]) -> PlanResult:
    runs = list(by_seed.values())
    finished = [run for run in runs if run.finished is not None]
    ends = [run.finished for run in finished if run.finished is not None]
    learning = [phase.trainable for phase in runs[0].phases if phase.trainable is not None]
    return PlanResult(
        label=label,
        scenario=runs[0].spec.scenario,
        runs=by_seed,
        tasks={task.name: _task_result(task, runs) for task in runs[0].spec.tasks},
        seconds=fmean(end.total_seconds for end in ends) if ends else None,
        peak_memory_bytes=fmean(end.peak_memory_bytes for end in ends) if ends else None,
        trainable=max(learning, default=None),
        total=next((run.parameters for run in runs if run.parameters is not None), None),
        frozen_exact=all(end.frozen_identical for end in ends) if ends else None,
        converged={
            task.name: convergence(finished, task.name).converged for task in runs[0].spec.tasks
        },
    )


def _task_result(task: Task, runs: Sequence[RunSummary]) -> TaskResult:
    finished = [run for run in runs if run.finished and task.name in run.finished.metrics]
    values = [run.finished.metrics[task.name].headline for run in finished if run.finished]
    before = [first for run in finished if (first := run.task(task.name).first) is not None]
    return TaskResult(
        task=task,
        mean=fmean(values) if values else None,
        low=min(values, default=None),
        high=max(values, default=None),
        before=fmean(before) if before else None,
        seeds=len(values),
    )


def _judged(plans: Sequence[PlanResult], task: Task, gold: GoldLabels) -> list[PlanResult]:
    """The plans with their verdicts on one task; open while fewer than two have a score."""
    means = {
        place: mean
        for place, plan in enumerate(plans)
        if task.name in plan.tasks and (mean := plan.tasks[task.name].mean) is not None
    }
    if len(means) < 2:
        return list(plans)
    best = max(means, key=lambda place: means[place])
    equal = {place for place, mean in means.items() if isclose(mean, means[best], abs_tol=1e-12)}
    scores = {place: _scores(plans[place], task, gold) for place in means}
    differences = against_best(scores, best)
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
        verdict = Verdict.BELOW if difference.told_apart else Verdict.WITHIN_NOISE
    if task not in plan.tasks:
        return plan
    result = replace(plan.tasks[task], verdict=verdict, against_best=difference)
    return replace(plan, tasks={**plan.tasks, task: result})


def _scores(plan: PlanResult, task: Task, gold: GoldLabels) -> dict[int, SeedScore]:
    """The plan's finished runs marked, where their answers and the right labels are known and give
    the score that the run told; else their bare scores."""
    found = {}
    for seed, value in headlines(plan, task.name).items():
        told = end_answers(plan.runs[seed])
        marks = mark(told, task, gold) if told else None
        known = marks is not None and isclose(marks.score, value, abs_tol=1e-9)
        found[seed] = seed_score(marks) if marks is not None and known else SeedScore(value)
    return found
