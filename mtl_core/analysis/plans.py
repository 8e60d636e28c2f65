"""Groups runs by plan: the runs with the same settings and different seeds form one plan.

1. Labelled runs belong to one plan if they share the label. Unlabelled runs belong to one plan if
   they share all settings except the seed and those that depend on the machine.
2. Of several runs of one plan and seed the last finished run counts, or else the last run. Callers
   give the oldest run first.
3. Means and ranges are over the finished runs of a plan.

`analysis.judge` adds the verdicts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import fmean
from typing import Any

from mtl_core.analysis.convergence import convergence
from mtl_core.analysis.differences import beyond_the_plan, same_sentences
from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.analysis.paired.scores import Scores
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.data_name import data_name
from mtl_core.tasks.task import Task
from mtl_core.training.spec import RunSpec


class Verdict(StrEnum):
    """What the runs show about a plan, compared with the best plan (`analysis.outcomes`)."""

    BEST = "best"
    EQUIVALENT = "equivalent"
    BELOW = "below"
    ABOVE = "above"
    UNDECIDED = "undecided"
    UNDEFINED = "undefined"  # the plan's runs have finished; the split has no entities
    OPEN = "open"  # no test (`judge` lists the cases)


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A plan's headline metric (accuracy, entity F1) on one task over its finished seeds.

    `low` and `high` are the values of the lowest and the highest seed, `before` is the mean before
    training. `difference` is the mean difference from the best over shared seeds, None for the best
    plan. `against_best` is its interval, None without a test. `margin` is the difference up to
    which plans count as equivalent. `scores` are those of the finished seeds, with a value for each
    sentence if the answers are known; `analysis.judge` adds them. If the metric is undefined, the
    numbers are None and `verdict` is `UNDEFINED`.
    """

    task: Task
    mean: float | None
    low: float | None
    high: float | None
    before: float | None
    seeds: int
    verdict: Verdict = Verdict.OPEN
    against_best: PairedDifference | None = None
    difference: float | None = None
    margin: float | None = None
    scores: Scores = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """One plan of a comparison.

    `label` is unique within the comparison. `runs` are by seed, finished or not. `seconds` and
    `peak_memory_bytes` are means over the finished runs that were trained alone, or over all if
    there are none. `trainable` is the largest number of trainable parameters of any phase, `total`
    the number of all parameters. `trained_together` is the largest number of runs that seconds and
    memory include; None if they are those of runs alone. `trained_beside` is the largest number of
    other jobs that ran at the same time as those runs; None if it is unknown.
    """

    label: str
    scenario: str | None
    runs: Mapping[int, RunSummary]
    tasks: Mapping[str, TaskResult]
    seconds: float | None
    peak_memory_bytes: float | None
    trainable: int | None
    total: int | None
    frozen_exact: bool | None
    converged: Mapping[str, bool | None] = field(default_factory=dict)
    trained_together: int | None = None
    trained_beside: int | None = None

    @property
    def seconds_alone(self) -> float | None:
        """The seconds of a run alone; None if they include other runs, or without one."""
        return self.seconds if self.trained_together is None else None


@dataclass(frozen=True, slots=True)
class PlanComparison:
    """All plans of a comparison, in the order of the runs.

    `same_sentences` is False if the runs were not evaluated on the same sentences.
    `beyond_plan` names the settings other than plan and seed that differ. `looks` counts the seeds
    at earlier looks at the results.
    """

    plans: tuple[PlanResult, ...]
    tasks: tuple[Task, ...]
    seeds: tuple[int, ...]
    same_sentences: bool
    beyond_plan: tuple[str, ...]
    looks: tuple[int, ...] = ()

    def judged_on(self, task: str) -> tuple[str, int | None]:
        """Returns the split whose scores compare the plans, and its sentences with the task.

        The number is None until a run has read the data.
        """
        for plan in self.plans:
            for run in plan.runs.values():
                split = run.compared_split(task)
                if (sentences := run.examples.get(task, {}).get(split)) is not None:
                    return split, sentences
        return "validation", None

    def scored(self, task: str, *verdicts: Verdict) -> tuple[PlanResult, ...]:
        """Returns the plans with a score on `task`, the highest mean first.

        With `verdicts`, only the plans that have one of them.
        """
        means = [
            (mean, plan)
            for plan in self.plans
            if task in plan.tasks
            and (mean := plan.tasks[task].mean) is not None
            and (not verdicts or plan.tasks[task].verdict in verdicts)
        ]
        return tuple(plan for _, plan in sorted(means, key=lambda each: -each[0]))

    def undefined(self, task: str) -> tuple[PlanResult, ...]:
        """Returns the finished plans whose metric on `task` is undefined."""
        return tuple(
            plan
            for plan in self.plans
            if task in plan.tasks and plan.tasks[task].verdict is Verdict.UNDEFINED
        )


_PER_RUN: dict[str, Any] = {
    "arm": None,
    "seed": 0,
    "threads": 1,
    "prefix_reuse": True,
    "device": "cpu",
    "trained_together": None,
    "weights_digest": None,
    "data_digests": {},
    "other_data_digests": {},
    "versions": {},
    "processor": None,
}

Labelled = RunSummary | tuple[str, RunSummary]


def group_by_plan(runs: Sequence[Labelled]) -> PlanComparison:
    """Groups runs by plan, in order of first appearance, without verdicts.

    An item is a summary, or a label and a summary. A plan without a label is named for its
    arm, its scenario or else its plan, with the differing settings appended to equal names.
    """
    plans = _plans(runs)
    summaries = [summary for _, by_seed in plans for summary in by_seed.values()]
    specs = [summary.spec for summary in summaries]
    tasks = {task.name: task for spec in specs for task in spec.tasks}
    return PlanComparison(
        plans=tuple(_plan_result(label, by_seed) for label, by_seed in plans),
        tasks=tuple(tasks.values()),
        seeds=tuple(sorted({spec.seed for spec in specs})),
        same_sentences=same_sentences(specs),
        beyond_plan=beyond_the_plan([_seedless(spec) for spec in specs]),
    )


def finished_runs(plan: PlanResult) -> dict[int, RunSummary]:
    """The plan's finished runs by seed, in order of seed."""
    return {seed: run for seed, run in sorted(plan.runs.items()) if run.finished is not None}


def headlines(plan: PlanResult, task: str) -> dict[int, float]:
    """The task's headline metric at the end of each finished run that has it, by seed.

    Undefined scores are left out.
    """
    return {
        seed: headline
        for seed, run in finished_runs(plan).items()
        if run.finished is not None
        and task in run.finished.metrics
        and (headline := run.finished.metrics[task].headline) is not None
    }


def distinct_labels(
    names: Sequence[str], specs: Sequence[RunSpec], ids: Sequence[str]
) -> list[str]:
    """Makes equal `names` distinct by appending the settings in which their runs differ.

    These are checkpoint, training sentences, seed, epochs and data, in this order, and the last
    part of the run's id if all settings are equal.
    """
    labels = list(names)
    for name in {name for name in names if list(names).count(name) > 1}:
        twins = [index for index, each in enumerate(names) if each == name]
        for words in (
            {i: specs[i].checkpoint for i in twins},
            {i: _sentences(specs[i]) for i in twins},
            {i: f"seed {specs[i].seed}" for i in twins},
            {i: f"{specs[i].epochs:g} epoch{'s' * (specs[i].epochs != 1)}" for i in twins},
            {i: _data(specs[i]) for i in twins},
        ):
            if len(set(words.values())) > 1:
                labels = [
                    f"{each}, {words[i]}" if i in words else each for i, each in enumerate(labels)
                ]
        if len({labels[i] for i in twins}) < len(twins):
            labels = [
                f"{each}, {ids[i].rsplit('-', 1)[-1]}" if i in twins else each
                for i, each in enumerate(labels)
            ]
    return labels


def _data(spec: RunSpec) -> str:
    return data_name(spec.data, (task.name for task in spec.tasks), spec.data_name)


def _sentences(spec: RunSpec) -> str:
    counts = [f"{each:,}" for each in spec.examples.values()]
    return f"{' + '.join(counts) or 'all'} sentences"


def _plans(runs: Sequence[Labelled]) -> list[tuple[str, dict[int, RunSummary]]]:
    """Each plan's label and its runs by seed."""
    gathered: dict[str, list[RunSummary]] = {}
    label_by_key: dict[str, str] = {}  # label by the key of a group
    for each in runs:
        label, summary = each if isinstance(each, tuple) else (None, each)
        key = f"label {label}" if label is not None else _setting(summary.spec)
        gathered.setdefault(key, []).append(summary)
        if label is not None:
            label_by_key[key] = label
    unlabelled = [key for key in gathered if key not in label_by_key]
    specs = [_seedless(gathered[key][0].spec) for key in unlabelled]
    names = [spec.arm_name for spec in specs]
    labels = distinct_labels(names, specs, [gathered[each][0].run for each in unlabelled])
    label_by_key |= dict(zip(unlabelled, labels, strict=True))
    return [(label_by_key[key], _by_seed(summaries)) for key, summaries in gathered.items()]


def _setting(spec: RunSpec) -> str:
    return _seedless(spec).model_copy(update=_PER_RUN).model_dump_json()


def _seedless(spec: RunSpec) -> RunSpec:
    """Returns the spec without the fields that differ between the seeds of one plan.

    A run that starts from another run has a different parent for each seed.
    """
    parent = None if spec.starts_from is None else "another run"
    return spec.model_copy(update={"seed": 0, "starts_from": parent})


def _by_seed(summaries: Sequence[RunSummary]) -> dict[int, RunSummary]:
    runs: dict[int, RunSummary] = {}
    for summary in summaries:
        earlier = runs.get(summary.spec.seed)
        if earlier is None or earlier.finished is None or summary.finished is not None:
            runs[summary.spec.seed] = summary
    return dict(sorted(runs.items()))


def _plan_result(label: str, by_seed: Mapping[int, RunSummary]) -> PlanResult:
    runs = list(by_seed.values())
    finished = [run for run in runs if run.finished is not None]
    alone = [run for run in finished if run.spec.trained_together is None]
    ends = [run.finished for run in alone or finished if run.finished is not None]
    exact = [run.finished.frozen_identical for run in finished if run.finished is not None]
    together = [run.spec.trained_together or 0 for run in finished]
    beside = [end.trained_beside for end in ends if end.trained_beside is not None]
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
        frozen_exact=all(exact) if exact else None,
        converged={
            task.name: convergence(finished, task.name).converged for task in runs[0].spec.tasks
        },
        trained_together=max(together) if together and not alone else None,
        trained_beside=max(beside, default=None),
    )


def _task_result(task: Task, runs: Sequence[RunSummary]) -> TaskResult:
    finished = [run for run in runs if run.finished and task.name in run.finished.metrics]
    ends = [run.finished.metrics[task.name].headline for run in finished if run.finished]
    starts = [
        first.headline for run in finished if (first := run.score_before(task.name)) is not None
    ]
    values = [each for each in ends if each is not None]
    before = [each for each in starts if each is not None]
    return TaskResult(
        task=task,
        mean=fmean(values) if values else None,
        low=min(values, default=None),
        high=max(values, default=None),
        before=fmean(before) if before else None,
        seeds=len(values or ends),
        verdict=Verdict.UNDEFINED if ends and not values else Verdict.OPEN,
    )
