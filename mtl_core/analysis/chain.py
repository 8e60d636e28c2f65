"""Staged training: chains of runs that each start from the weights of the run before."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from mtl_core.analysis.summary import ProgressState, RunSummary
from mtl_core.analysis.trained import head_is_trained, loss_is_used
from mtl_core.tasks.task import Task
from mtl_core.training.events import TaskScore

SummaryOf = Callable[[str], RunSummary | None]
"""Returns the summary of a run by its id; None if the run was deleted."""


@dataclass(frozen=True, slots=True)
class TaskInStage:
    """One task in one stage: its headline metric at the stage's start and end.

    `trained` is whether its head is trained in the stage. `loss_used` is whether its loss trains
    any parameter, which is possible with a frozen head. Both are None if unknown. `split` is the
    split of both scores. `undefined`: the metric does not exist, as it has no entities.
    """

    task: Task
    metric: str
    before: float | None
    after: float | None
    trained: bool | None
    loss_used: bool | None = None
    split: str = "validation"
    undefined: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of a chain. `learning` describes the trainable parts of each of its phases."""

    number: int  # from 1
    run: str
    learning: tuple[str, ...]
    tasks: tuple[TaskInStage, ...]

    def task(self, name: str) -> TaskInStage | None:
        """Returns a task of this stage by its name; None if the stage has no such task."""
        return next((each for each in self.tasks if each.task.name == name), None)


@dataclass(frozen=True, slots=True)
class Transfer:
    """The change of a task's metric since the end of the stage that last trained its head.

    `loss_used_since` is whether a later stage trained other parameters with the task's loss. If so,
    the change is not an effect of the other tasks alone.
    """

    task: Task
    metric: str
    trained_in: int
    change: float
    loss_used_since: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """A run and its predecessors, as stages in the order of training.

    `missing` is the id of the run before the first stage if that run was deleted, else None.
    `same_sentences` is whether all stages were scored on the same sentences with the same maximum
    length; transfers need that. `ended` is whether the last stage has finished.
    """

    stages: tuple[Stage, ...]
    missing: str | None
    same_sentences: bool
    ended: bool

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks of all stages without duplicates, those of the newest stage first."""
        found: dict[str, Task] = {}
        for stage in self.stages[::-1]:
            for each in stage.tasks:
                found.setdefault(each.task.name, each.task)
        return tuple(found.values())

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """The transfer of each task that an earlier stage trained and the last one did not.

        Source: Lopez-Paz & Ranzato 2017, "Gradient Episodic Memory", section 2: the score at the
        end of the chain minus the score at the end of the stage that trained the task. A task whose
        labels or metric changed in between has no transfer.
        """
        if len(self.stages) < 2 or not self.same_sentences:
            return ()
        found = (_transfer(self.stages, each) for each in self.stages[-1].tasks)
        return tuple(each for each in found if each is not None)

    @property
    def backward_transfer(self) -> float | None:
        """The mean of `transfers`, as in the paper; None if there are none."""
        return fmean(each.change for each in self.transfers) if self.transfers else None


def chain_of(newest: RunSummary, summary_of: SummaryOf) -> Chain:
    """Builds the chain that ends with `newest` by following `starts_from` backwards."""
    runs, seen, missing = [newest], {newest.run}, None
    while (previous := runs[0].spec.starts_from) is not None:
        found = None if previous in seen else summary_of(previous)
        if found is None:
            missing = previous
            break
        seen.add(previous)
        runs.insert(0, found)
    return Chain(
        stages=tuple(_stage(number, run) for number, run in enumerate(runs, start=1)),
        missing=missing,
        same_sentences=all(_same_sentences(runs[0], other) for other in runs[1:]),
        ended=newest.finished is not None,
    )


def _stage(number: int, run: RunSummary) -> Stage:
    started = [phase for phase in run.phases if phase.state is not ProgressState.WAITING]
    words = (phase.learning or f"“{phase.name}”" for phase in started or run.phases)
    return Stage(
        number=number,
        run=run.run,
        learning=tuple(dict.fromkeys(words)),
        tasks=tuple(
            TaskInStage(
                task=each.task,
                metric=each.metric,
                before=_headline(run.score_before(each.task.name)),
                after=run.value(each.task.name),
                undefined=run.is_undefined(each.task.name),
                split=run.judged_split(each.task.name),
                trained=head_is_trained(each.task, run),
                loss_used=loss_is_used(each.task, run),
            )
            for each in run.tasks
        ),
    )


def _headline(score: TaskScore | None) -> float | None:
    return None if score is None else score.headline


def _same_sentences(first: RunSummary, other: RunSummary) -> bool:
    """Whether both runs were scored on the same sentences with the same maximum length."""
    one, two = first.spec, other.spec
    if one.max_length != two.max_length:
        return False
    if one.data_digests and two.data_digests:
        return one.data_digests == two.data_digests
    return one.data == two.data  # a run records its digests when it starts


def _transfer(stages: tuple[Stage, ...], last: TaskInStage) -> Transfer | None:
    """Returns None also if it is unknown whether a later stage trained the task."""
    if last.after is None or last.trained is not False:
        return None
    for stage in stages[-2::-1]:
        found = stage.task(last.task.name)
        if found is None or found.task != last.task or found.trained is None:
            return None
        if found.trained:
            if found.after is None or found.split != last.split:
                return None
            later = (each.task(last.task.name) for each in stages[stage.number :])
            return Transfer(
                task=last.task,
                metric=last.metric,
                trained_in=stage.number,
                change=last.after - found.after,
                loss_used_since=any(each is not None and each.loss_used for each in later),
            )
    return None
