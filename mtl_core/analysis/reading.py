"""Reads the events of a run into its summary, each event once and in order."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mtl_core.analysis.outlook import begin
from mtl_core.analysis.summary import (
    LossPoint,
    PhaseProgress,
    ProgressState,
    RunSummary,
    ScorePoint,
    TaskProgress,
)
from mtl_core.models.description import ModelDescription
from mtl_core.training.events import (
    Answers,
    Evaluation,
    Measured,
    PhaseFinished,
    PhaseStarted,
    RunEvent,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    Step,
)
from mtl_core.training.phases import phase_steps, steps_per_epoch
from mtl_core.training.spec import RunSpec

SMOOTHING = 0.9
"""Weight of the past in the smoothed loss; corresponds to about the last ten steps."""

RECENT_STEPS = 20
"""Number of step times that the mean time per step covers."""


def summarise(
    run: str, spec: RunSpec, events: Iterable[RunEvent], model: ModelDescription | None = None
) -> RunSummary:
    """Builds the summary of a run from its events so far."""
    return extend(begin(run, spec, model), events)


def extend(summary: RunSummary, events: Iterable[RunEvent]) -> RunSummary:
    """Returns `summary` with `events` added, which must follow the events it already contains."""
    reader = _Reader(summary)
    for event in events:
        reader.read(event)
    return reader.summary()


def interrupted_summary(summary: RunSummary) -> RunSummary:
    """Returns the summary of a run whose process ended without a final event."""
    return replace(
        summary,
        progress=ProgressState.DONE,
        phases=tuple(_interrupted_phase(phase) for phase in summary.phases),
    )


def _interrupted_phase(phase: PhaseProgress) -> PhaseProgress:
    running = phase.state is ProgressState.RUNNING
    return replace(phase, state=ProgressState.INTERRUPTED) if running else phase


class _Reader:
    """Collects events in mutable lists; `summary` returns the immutable result."""

    def __init__(self, summary: RunSummary) -> None:
        self._before = summary
        self._changed: dict[str, Any] = {}
        self._events = summary.events
        self._elapsed = summary.elapsed_seconds
        self._recent = list(summary.recent_seconds)
        self._answers = list(summary.answers)
        self._other_data = list(summary.other_data)
        self._tests = list(summary.tests)
        self._pause = summary.pause_seconds
        self._last_was_step = summary.last_was_step
        self._step = summary.step
        self._phases = list(summary.phases)
        self._losses = {each.task.name: list(each.losses) for each in summary.tasks}
        self._scores = {each.task.name: list(each.evaluations) for each in summary.tasks}

    def summary(self) -> RunSummary:
        """Returns the summary with all events read so far."""
        return replace(
            self._before,
            **self._changed,
            events=self._events,
            elapsed_seconds=self._elapsed,
            recent_seconds=tuple(self._recent),
            answers=tuple(self._answers),
            other_data=tuple(self._other_data),
            tests=tuple(self._tests),
            pause_seconds=self._pause,
            last_was_step=self._last_was_step,
            step=self._step,
            phases=tuple(self._phases),
            tasks=tuple(
                TaskProgress(
                    each.task,
                    tuple(self._losses[each.task.name]),
                    tuple(self._scores[each.task.name]),
                )
                for each in self._before.tasks
            ),
        )

    def read(self, event: RunEvent) -> None:
        """Adds one event."""
        passed = event.elapsed_seconds - self._elapsed
        match event:
            case RunStarted():
                self._start(event)
            case PhaseStarted():
                self._start_phase(event)
            case Step():
                self._add_step(event, passed)
            case Evaluation():
                self._add_evaluation(event, passed)
            case PhaseFinished():
                self._finish_phase(event)
            case Answers():
                self._answers.append(event)
            case Measured():
                notes = self._changed.get("notes", self._before.notes)
                self._changed |= {"measured": event, "notes": (*notes, *event.notes)}
            case RunFinished():
                self._changed |= {"finished": event, "progress": ProgressState.DONE}
            case RunFailed() | RunStopped():
                diverged = isinstance(event, RunFailed) and event.diverged
                self._changed |= {"reason": event.reason, "progress": ProgressState.DONE}
                self._changed |= {"diverged": diverged}
                self._phases = [_interrupted_phase(phase) for phase in self._phases]
        self._last_was_step = isinstance(event, Step)
        self._elapsed = event.elapsed_seconds
        self._events += 1

    def _start(self, event: RunStarted) -> None:
        self._changed |= {
            "progress": ProgressState.RUNNING,
            "spec": event.spec,
            "total_steps": event.total_steps,
            "parameters": event.totals.all,
            "totals": event.totals,
            "examples": event.examples,
            "notes": event.notes,
        }
        self._plan_steps(event)

    def _start_phase(self, event: PhaseStarted) -> None:
        everything = event.trainable + event.frozen + event.unreached
        self._change_phase(
            event.number,
            state=ProgressState.RUNNING,
            first_step=self._step,
            steps=event.steps,
            trainable=event.trainable,
            share=event.trainable / everything,
            reuse=event.prefix.summary if event.prefix else None,
        )
        self._recent = []

    def _add_step(self, event: Step, passed: float) -> None:
        for name, loss in event.loss.items():
            if loss is not None and name in self._losses:
                self._add_loss(self._losses[name], event, loss)
        phase = self._phase_by_name(event.phase)
        measured = {}
        if self._last_was_step:
            self._recent = [*self._recent, passed][-RECENT_STEPS:]
            measured = {
                "step_seconds": phase.step_seconds + passed,
                "timed_steps": phase.timed_steps + 1,
            }
        self._change_phase(phase.number, steps_done=phase.steps_done + 1, **measured)
        self._step = event.step
        self._changed |= {"epoch": event.epoch, "learning_rates": event.learning_rates}

    @staticmethod
    def _add_loss(losses: list[LossPoint], event: Step, loss: float) -> None:
        """Appends a loss with its bias-corrected moving average."""
        seen = len(losses)
        mass = 1 - SMOOTHING**seen
        past = losses[-1].smoothed * mass if losses else 0.0
        smoothed = (SMOOTHING * past + (1 - SMOOTHING) * loss) / (1 - SMOOTHING ** (seen + 1))
        point = LossPoint(event.step, event.epoch, loss, smoothed, event.elapsed_seconds)
        losses.append(point)

    def _add_evaluation(self, event: Evaluation, passed: float) -> None:
        if event.split != "validation":
            (self._tests if event.split == "test" else self._other_data).append(event)
            return
        if event.step:
            self._pause += passed
        for name, score in event.tasks.items():
            if name in self._scores:
                self._scores[name].append(
                    ScorePoint(event.step, event.epoch, event.phase, score, event.elapsed_seconds)
                )
        number = self._phase_by_name(event.phase).number
        if event.step:
            scores = {name: score.headline for name, score in event.tasks.items()}
            self._change_phase(number, scores=scores)

    def _finish_phase(self, event: PhaseFinished) -> None:
        self._change_phase(
            self._phase_by_name(event.phase).number,
            state=ProgressState.DONE,
            frozen_identical=event.frozen_identical,
            frozen_tensors=event.frozen_tensors,
        )

    def _phase_by_name(self, name: str) -> PhaseProgress:
        """Returns the phase with this name, or the first phase if the name is unknown."""
        return next((phase for phase in self._phases if phase.name == name), self._phases[0])

    def _change_phase(self, number: int, **changes: Any) -> None:
        self._phases[number - 1] = replace(self._phases[number - 1], **changes)

    def _plan_steps(self, event: RunStarted) -> None:
        """Computes the number of steps of each phase; a phase without trainable parts has none."""
        examples = sum(splits.get("train", 0) for splits in event.examples.values())
        if not examples:
            return
        per_epoch = steps_per_epoch(examples, event.spec.batch_size)
        planned = phase_steps(event.spec, per_epoch)
        start = 0
        for phase, steps in zip(tuple(self._phases), planned, strict=True):
            steps = 0 if phase.trainable == 0 else steps
            self._change_phase(phase.number, first_step=start, steps=steps)
            start += steps
