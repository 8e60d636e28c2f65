"""The summary of a run: an immutable value with everything that pages and figures show of it.

`outlook.begin` builds a summary from a spec, and `reading.extend` adds events to it, so each event
is read once. Missing values are None; a loss of 0.0 is a value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mtl_core.tasks.task import Task
from mtl_core.training.events import (
    Answers,
    Counts,
    Evaluation,
    Measured,
    RunFinished,
    TaskScore,
)
from mtl_core.training.spec import RunSpec

MIN_TIMED_STEPS = 3
"""Number of timed steps that an estimate of the time per step needs."""


class ProgressState(StrEnum):
    """The state of a run, or of one of its phases, according to its events."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    INTERRUPTED = "interrupted"  # the run ended during the phase


@dataclass(frozen=True, slots=True)
class LossPoint:
    """A task's loss in one optimiser step.

    `smoothed` is the exponential moving average of the task's losses up to this step, with the
    bias correction of Kingma & Ba 2015, section 3: its first value is the first loss.
    """

    step: int
    epoch: float
    loss: float
    smoothed: float
    elapsed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """A task's scores on the validation split after `step` optimiser steps, 0 before training."""

    step: int
    epoch: float
    phase: str
    score: TaskScore
    elapsed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """A task's losses, one per step whose batch contained the task, and its evaluations."""

    task: Task
    losses: tuple[LossPoint, ...] = ()
    evaluations: tuple[ScorePoint, ...] = ()

    @property
    def metric(self) -> str:
        """The name of the task's headline metric."""
        return self.task.metric

    @property
    def first(self) -> float | None:
        """The headline metric before training."""
        return self.evaluations[0].score.headline if self.evaluations else None

    @property
    def latest(self) -> float | None:
        """The headline metric at the latest evaluation."""
        return self.evaluations[-1].score.headline if self.evaluations else None

    @property
    def validation_losses(self) -> tuple[tuple[int, float], ...]:
        """Pairs of step and loss, for each evaluation that has a loss."""
        return tuple(
            (point.step, point.score.loss)
            for point in self.evaluations
            if point.score.loss is not None
        )


@dataclass(frozen=True, slots=True)
class PhaseProgress:
    """One phase of the run.

    `first_step` is the number of steps before the phase. `steps` is an estimate until the phase
    starts, None while the total is unknown. `trainable` is None if neither an event nor the model
    is known. `rates` are pairs of part and learning rate, heads first. `learning` describes the
    trainable parts. `newly_trainable` are the groups that were frozen in the phase before and are
    trainable now. `losses_used` are the tasks whose loss trains any parameter, None if unknown.
    `step_seconds` is the sum over the `timed_steps` steps that followed another step directly.
    `scores` are the latest of the phase, None for an undefined one.
    `reuse` describes the part of the frozen layers that ran only once, None if unknown.
    """

    number: int
    name: str
    state: ProgressState = ProgressState.WAITING
    first_step: int | None = None
    steps: int | None = None
    steps_done: int = 0
    trainable: int | None = None
    share: float | None = None
    rates: tuple[tuple[str, float], ...] = ()
    learning: str | None = None
    newly_trainable: tuple[str, ...] = ()
    losses_used: tuple[str, ...] | None = None
    frozen_tensors: int | None = None
    frozen_identical: bool | None = None
    scores: Mapping[str, float | None] = field(default_factory=dict)
    step_seconds: float = 0.0
    timed_steps: int = 0
    reuse: str | None = None

    @property
    def seconds_per_step(self) -> float | None:
        """The mean over the phase; None if no step was timed."""
        return self.step_seconds / self.timed_steps if self.timed_steps else None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The state of a run after its first `events` events; `elapsed_seconds` is that of the last.

    `answers` and `measured` are empty for runs of older versions. `other_data` are the evaluations
    on data that the run is not trained on, before and after training, `tests` those on the test
    split of its own data. `recent_seconds` are the latest step times of the running
    phase. `pause_seconds` is the time between steps, spent on evaluations, without the evaluation
    before training.
    """

    run: str
    spec: RunSpec
    tasks: tuple[TaskProgress, ...]
    phases: tuple[PhaseProgress, ...]
    tensors: int | None = None
    parameters: int | None = None
    events: int = 0
    progress: ProgressState = ProgressState.WAITING
    total_steps: int | None = None
    step: int = 0
    epoch: float = 0.0
    elapsed_seconds: float = 0.0
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    examples: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    totals: Counts | None = None
    notes: tuple[str, ...] = ()
    answers: tuple[Answers, ...] = ()
    measured: Measured | None = None
    other_data: tuple[Evaluation, ...] = ()
    tests: tuple[Evaluation, ...] = ()
    finished: RunFinished | None = None
    reason: str | None = None
    diverged: bool = False
    recent_seconds: tuple[float, ...] = ()
    pause_seconds: float = 0.0
    last_was_step: bool = False

    @property
    def phase(self) -> PhaseProgress | None:
        """The running phase, or the last one that ran; None before the first."""
        started = [phase for phase in self.phases if phase.state is not ProgressState.WAITING]
        return started[-1] if started else None

    @property
    def most_trainable(self) -> int:
        """The largest number of trainable parameters of any phase; 0 if none is known."""
        return max(phase.trainable or 0 for phase in self.phases)

    @property
    def share_done(self) -> float:
        """The share of the steps that are done, 0 to 1."""
        if self.finished:
            return 1.0
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0

    @property
    def seconds_per_step(self) -> float | None:
        """The mean of the latest step times of the running phase.

        While too few steps are timed, returns the mean of the last phase with enough timed steps,
        or None.
        """
        if len(self.recent_seconds) >= MIN_TIMED_STEPS:
            return sum(self.recent_seconds) / len(self.recent_seconds)
        measured = [phase for phase in self.phases if phase.timed_steps >= MIN_TIMED_STEPS]
        return measured[-1].seconds_per_step if measured else None

    @property
    def remaining_seconds(self) -> float | None:
        """An estimate of the remaining seconds; None if the run is not training.

        All remaining steps count with the recent time per step of the running phase, plus the mean
        pause per step.
        """
        pace = self.seconds_per_step
        if self.progress is not ProgressState.RUNNING or pace is None or self.total_steps is None:
            return None
        remaining = self.total_steps - self.step
        return remaining * (pace + self.pause_seconds / self.step) if self.step else None

    def judged_split(self, task: str) -> str:
        """The split of the run's score on a task: `validation` until the run has finished."""
        return "validation" if self.finished is None else self.compared_split(task)

    def compared_split(self, task: str) -> str:
        """The split whose scores compare finished runs on a task: `test` or `validation`."""
        if self.finished is not None:
            return self.finished.judged_on.get(task, "validation")
        return "test" if self.examples.get(task, {}).get("test") else "validation"

    def score_before(self, task: str) -> TaskScore | None:
        """The score on the judged split before training; None without an evaluation."""
        if self.judged_split(task) == "validation":
            scores = [point.score for point in self.task(task).evaluations]
        else:
            scores = [each.tasks[task] for each in self.tests if task in each.tasks]
        return scores[0] if scores else None

    def value(self, task: str) -> float | None:
        """The headline metric now: on the judged split at the end, on validation before."""
        if self.finished is not None and task in self.finished.metrics:
            return self.finished.metrics[task].headline
        return self.task(task).latest

    def is_undefined(self, task: str) -> bool:
        """Whether `value` is None because the metric is undefined: the split has no entities."""
        if self.finished is not None and task in self.finished.metrics:
            return self.finished.metrics[task].headline is None
        points = self.task(task).evaluations
        return bool(points) and points[-1].score.headline is None

    def judged_answers(self, task: str, other_data: str | None = None) -> tuple[Answers, ...]:
        """The predictions on the judged split of a task, before training and at the end.

        `other_data` names other data that the run was evaluated on; None: its own data. Runs of
        earlier versions stored no predictions on other data.
        """
        split = other_data or self.judged_split(task)
        return tuple(each for each in self.answers if each.split == split)

    def task(self, name: str) -> TaskProgress:
        """Returns the progress of a task by its name."""
        return next(each for each in self.tasks if each.task.name == name)
