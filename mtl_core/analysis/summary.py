"""What a run has done so far, as a value: everything its page, its row and its figures show.

`outlook.begin` makes it from a spec, `reading.extend` adds events to it, so that whoever watches
a run reads each event once. A value that does not exist is None; a loss of 0.0 is a loss.
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

LEAST_INTERVALS = 3
"""Step times to have measured before a rate is worth saying."""


class Progress(StrEnum):
    """How far a run, or one of its phases, has come by its events alone."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    BROKEN_OFF = "broken off"  # the run ended within it


@dataclass(frozen=True, slots=True)
class LossPoint:
    """A task's loss in one optimiser step.

    `smoothed` is the exponential moving average of the task's losses up to here, corrected for
    its start (Kingma & Ba 2015, section 3), so that the first equals the first loss.
    """

    step: int
    epoch: float
    loss: float
    smoothed: float
    elapsed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """A task on the validation split after `step` optimiser steps (0: before training)."""

    step: int
    epoch: float
    phase: str
    score: TaskScore
    elapsed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TaskProgress:
    """One task over the run: losses where a step's batch held the task, and evaluations."""

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
        """The headline metric now."""
        return self.evaluations[-1].score.headline if self.evaluations else None

    @property
    def validation_losses(self) -> tuple[tuple[int, float], ...]:
        """(step, loss) of each evaluation that has a loss."""
        return tuple(
            (point.step, point.score.loss)
            for point in self.evaluations
            if point.score.loss is not None
        )


@dataclass(frozen=True, slots=True)
class PhaseProgress:
    """One phase of the run.

    `first_step` is the number of steps before it. `steps` is estimated until the phase begins,
    None while the run's total is unknown. `trainable` is None where neither event nor model says.
    `rates` are the plan's for what learns, heads first: (part, rate), `learning` says what that
    is in words. `thawed` are the groups
    that learn here and did not in the phase before, `reaching` the tasks whose loss reaches
    something that learns (None: unknown). `step_seconds` sums the `timed_steps` steps
    whose time was measured from the step before. `reuse` says in a line what of the frozen part
    ran once, None where the run does not tell.
    """

    number: int
    name: str
    state: Progress = Progress.WAITING
    first_step: int | None = None
    steps: int | None = None
    steps_done: int = 0
    trainable: int | None = None
    share: float | None = None
    rates: tuple[tuple[str, float], ...] = ()
    learning: str | None = None
    thawed: tuple[str, ...] = ()
    reaching: tuple[str, ...] | None = None
    frozen_tensors: int | None = None
    frozen_identical: bool | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    step_seconds: float = 0.0
    timed_steps: int = 0
    reuse: str | None = None

    @property
    def seconds_per_step(self) -> float | None:
        """Mean over the phase; None before any step was timed."""
        return self.step_seconds / self.timed_steps if self.timed_steps else None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run so far. `events` counts the events read; `elapsed_seconds` is the last one's.

    `answers` and `measured` are what the run told of them, none from a run of an older version;
    `elsewhere` are the evaluations on data that it does not learn from, both ends of each.
    `recent_seconds` are the last step times of the running phase, and `pause_seconds` the time
    spent between steps (evaluations), the evaluation before training left out.
    """

    run: str
    spec: RunSpec
    tasks: tuple[TaskProgress, ...]
    phases: tuple[PhaseProgress, ...]
    tensors: int | None = None
    parameters: int | None = None
    events: int = 0
    progress: Progress = Progress.WAITING
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
    elsewhere: tuple[Evaluation, ...] = ()
    finished: RunFinished | None = None
    reason: str | None = None
    recent_seconds: tuple[float, ...] = ()
    pause_seconds: float = 0.0
    last_was_step: bool = False

    @property
    def phase(self) -> PhaseProgress | None:
        """The phase that runs, or the last one that did."""
        begun = [phase for phase in self.phases if phase.state is not Progress.WAITING]
        return begun[-1] if begun else None

    @property
    def share_done(self) -> float:
        """Share of the steps that are done, 0 to 1."""
        if self.finished:
            return 1.0
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0

    @property
    def seconds_per_step(self) -> float | None:
        """Mean of the last steps of the running phase; while too few of them were timed, of the
        phase before; None where there is none."""
        if len(self.recent_seconds) >= LEAST_INTERVALS:
            return sum(self.recent_seconds) / len(self.recent_seconds)
        measured = [phase for phase in self.phases if phase.timed_steps >= LEAST_INTERVALS]
        return measured[-1].seconds_per_step if measured else None

    @property
    def remaining_seconds(self) -> float | None:
        """Estimate of the time left: the steps to come at the running phase's recent speed (a phase
        not begun has none of its own), and pauses in proportion to the steps done."""
        pace = self.seconds_per_step
        if self.progress is not Progress.RUNNING or pace is None or self.total_steps is None:
            return None
        left = self.total_steps - self.step
        return left * (pace + self.pause_seconds / self.step) if self.step else None

    def task(self, name: str) -> TaskProgress:
        """One task's progress by its name."""
        return next(each for each in self.tasks if each.task.name == name)
