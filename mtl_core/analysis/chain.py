"""Staged training: the runs that went on from one another, and what became of each task."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from mtl_core.analysis.summary import Progress, RunSummary
from mtl_core.analysis.trained import head_learns, teaches
from mtl_core.tasks.task import Task

SummaryOf = Callable[[str], RunSummary | None]
"""The summary of a run by its id; None where the run is gone."""


@dataclass(frozen=True, slots=True)
class TaskInStage:
    """One task in one stage: its headline metric at the stage's start and end.

    `trained` says that its head learns in the stage and has sentences to learn from; None where
    neither the model nor the run's own measurements tell. `teaches` says that its loss reaches
    something that learns, which a frozen head does not prevent; None where the model is not known.
    """

    task: Task
    metric: str
    before: float | None
    after: float | None
    trained: bool | None
    teaches: bool | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of a chain. `learning` is what each of its phases let learn, in words."""

    number: int  # from 1
    run: str
    learning: tuple[str, ...]
    tasks: tuple[TaskInStage, ...]

    def task(self, name: str) -> TaskInStage | None:
        """A task of this stage by its name; None where the stage has no such task."""
        return next((each for each in self.tasks if each.task.name == name), None)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a task lost (below 0) or gained since the stage that trained it last had ended.

    `taught_since` says that a later stage still learned from its loss, its head being frozen: the
    change is then not what the others' training did to it alone.
    """

    task: Task
    metric: str
    trained_in: int
    change: float
    taught_since: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """A run and all that it goes on from, the first stage first.

    `gone` is the run before the first stage, where there was one and it is no longer there.
    `same_sentences` says that all stages were scored on the same sentences of one length; only
    then are scores held against each other. `ended` says that the last stage has finished.
    """

    stages: tuple[Stage, ...]
    gone: str | None
    same_sentences: bool
    ended: bool

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Every task of any stage, once, in the order of the newest stage that has it."""
        found: dict[str, Task] = {}
        for stage in self.stages[::-1]:
            for each in stage.tasks:
                found.setdefault(each.task.name, each.task)
        return tuple(found.values())

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """The transfer of each task that an earlier stage trained and the last one did not.

        Lopez-Paz & Ranzato 2017 ("Gradient Episodic Memory", section 2): the score at the end of
        the chain minus the score when the stage that trained the task ended. A task that the last
        stage trains has none, and neither has one whose labels or metric changed in between.
        """
        if len(self.stages) < 2 or not self.same_sentences:
            return ()
        found = (_transfer(self.stages, each) for each in self.stages[-1].tasks)
        return tuple(each for each in found if each is not None)

    @property
    def backward_transfer(self) -> float | None:
        """The mean over `transfers`, as the paper has it; None without any."""
        return fmean(each.change for each in self.transfers) if self.transfers else None


def chain_of(newest: RunSummary, summary_of: SummaryOf) -> Chain:
    """The chain that ends with `newest`, followed back by `starts_from`."""
    runs, seen, gone = [newest], {newest.run}, None
    while (before := runs[0].spec.starts_from) is not None:
        found = None if before in seen else summary_of(before)
        if found is None:
            gone = before
            break
        seen.add(before)
        runs.insert(0, found)
    return Chain(
        stages=tuple(_stage(number, run) for number, run in enumerate(runs, start=1)),
        gone=gone,
        same_sentences=all(_scored_alike(runs[0], other) for other in runs[1:]),
        ended=newest.finished is not None,
    )


def _stage(number: int, run: RunSummary) -> Stage:
    begun = [phase for phase in run.phases if phase.state is not Progress.WAITING]
    words = (phase.learning or f"“{phase.name}”" for phase in begun or run.phases)
    return Stage(
        number=number,
        run=run.run,
        learning=tuple(dict.fromkeys(words)),
        tasks=tuple(
            TaskInStage(
                task=each.task,
                metric=each.metric,
                before=each.first,
                after=each.latest,
                trained=head_learns(each.task, run),
                teaches=teaches(each.task, run),
            )
            for each in run.tasks
        ),
    )


def _scored_alike(first: RunSummary, other: RunSummary) -> bool:
    """Whether both were scored on the same sentences, cut at the same length."""
    one, two = first.spec, other.spec
    if one.max_length != two.max_length:
        return False
    if one.data_digests and two.data_digests:
        return one.data_digests == two.data_digests
    return one.data == two.data  # one of them has not begun


def _transfer(stages: tuple[Stage, ...], last: TaskInStage) -> Transfer | None:
    """None too where a stage between does not tell whether it trained the task."""
    if last.after is None or last.trained is not False:
        return None
    for stage in stages[-2::-1]:
        found = stage.task(last.task.name)
        if found is None or found.task != last.task or found.trained is None:
            return None
        if found.trained:
            if found.after is None:
                return None
            later = (each.task(last.task.name) for each in stages[stage.number :])
            return Transfer(
                task=last.task,
                metric=last.metric,
                trained_in=stage.number,
                change=last.after - found.after,
                taught_since=any(each is not None and each.teaches for each in later),
            )
    return None
