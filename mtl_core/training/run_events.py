"""Builds the events of a run, each with its time, step and epoch."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from mtl_core.freezing.table import ParameterTable
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.task import Task
from mtl_core.training.evaluation import Predicted, answers
from mtl_core.training.events import (
    Answers,
    Evaluation,
    PhaseFinished,
    PhaseStarted,
    PrefixReuse,
    RunFinished,
    RunStarted,
    RunStopped,
    Step,
    TaskScore,
)
from mtl_core.training.loaded_run import LoadedRun
from mtl_core.training.memory import peak_memory_bytes


class Clock:
    """Seconds since its creation, and seconds spent in each kind of work."""

    def __init__(self) -> None:
        self._start = perf_counter()
        self._spent: dict[str, float] = {}

    def elapsed_seconds(self) -> float:
        """Return the seconds since the clock was created."""
        return perf_counter() - self._start

    def spent_seconds(self, kind: str) -> float:
        """Return the seconds spent so far in `spending(kind)` blocks."""
        return self._spent.get(kind, 0.0)

    def state(self) -> dict[str, Any]:
        """Return the seconds so far, for a run that continues in another process."""
        return {"elapsed": self.elapsed_seconds(), "spent": dict(self._spent)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from the seconds that `state` returned; the time in between does not count."""
        self._start = perf_counter() - state["elapsed"]
        self._spent = dict(state["spent"])

    @contextmanager
    def spending(self, kind: str) -> Iterator[None]:
        """Add the duration of this block to `kind`."""
        began = perf_counter()
        try:
            yield
        finally:
            self._spent[kind] = self.spent_seconds(kind) + perf_counter() - began


def judged_scores(
    loaded: LoadedRun, by_split: Mapping[str, Mapping[str, TaskScore]]
) -> dict[str, TaskScore]:
    """Return each task's score on the split that compares plans, of the scores by split."""
    return {
        task: by_split[split][task]
        for task, split in loaded.judged_on.items()
        if task in by_split.get(split, {})
    }


class RunEvents:
    """Builds the events of one run. `step` is the number of steps taken; the run increments it."""

    def __init__(self, loaded: LoadedRun, run: str, clock: Clock) -> None:
        self._loaded, self._spec, self._run, self._clock = loaded, loaded.spec, run, clock
        self.step = 0

    def seconds(self) -> float:
        """Return the seconds since the run started."""
        return self._clock.elapsed_seconds()

    def started(self) -> RunStarted:
        """Build the event for the start of the run."""
        return RunStarted(
            elapsed_seconds=self.seconds(),
            run=self._run,
            spec=self._spec,
            totals=self._loaded.totals,
            total_steps=sum(self._loaded.steps),
            examples=self._loaded.counts(),
            notes=self._loaded.notes,
        )

    def phase_started(self, table: ParameterTable, steps: int, prefix: PrefixReuse) -> PhaseStarted:
        """Build the event for the start of the phase that `table` describes."""
        return PhaseStarted(
            elapsed_seconds=self.seconds(),
            phase=table.phase.name,
            number=table.phase_number,
            trainable=table.totals.trainable,
            frozen=table.totals.frozen,
            unreached=table.totals.unreached,
            epochs=steps / self._loaded.steps_per_epoch,
            steps=steps,
            prefix=prefix,
        )

    def stepped(
        self,
        table: ParameterTable,
        losses: Mapping[str, float | None],
        rates: dict[str, float],
    ) -> Step:
        """Build the event for the last step: losses by task, learning rates by group."""
        return Step(
            elapsed_seconds=self.seconds(),
            phase=table.phase.name,
            step=self.step,
            epoch=self._epoch(),
            loss={task.name: losses.get(task.name) for task in self._spec.tasks},
            learning_rates=rates,
        )

    def scored(self, table: ParameterTable, split: str, scores: dict[str, TaskScore]) -> Evaluation:
        """Build the event for an evaluation on one split, with the scores by task."""
        return Evaluation(
            elapsed_seconds=self.seconds(),
            phase=table.phase.name,
            epoch=self._epoch(),
            step=self.step,
            split=split,
            tasks=scores,
        )

    def answers(
        self,
        split: str,
        predicted: Predicted,
        encoded: Sequence[EncodedExample],
        tasks: Sequence[Task],
    ) -> Answers:
        """Build the event with the predictions for every sentence of a split, in order."""
        return answers(predicted, encoded, tasks, self.step, self.seconds(), split)

    def phase_finished(self, table: ParameterTable, frozen_tensors: int) -> PhaseFinished:
        """Build the event for the end of a phase. The caller has verified the frozen tensors."""
        return PhaseFinished(
            elapsed_seconds=self.seconds(),
            phase=table.phase.name,
            frozen_identical=True,
            frozen_tensors=frozen_tensors,
        )

    def stopped(self) -> RunStopped:
        """Build the event for a run that was stopped on request."""
        return RunStopped(elapsed_seconds=self.seconds(), reason="Stopped on request.")

    def finished(
        self,
        scores: Mapping[str, dict[str, TaskScore]],
        frozen_tensors: int,
        output: Path | None,
        frozen_in_checkpoint: int = 0,
    ) -> RunFinished:
        """Build the event for the end of a run, with its final scores by split and durations.

        `frozen_tensors` counts the tensors that never learned; the caller has verified them.
        `frozen_in_checkpoint` are those that the saved model reads from the checkpoint.
        """
        clock = self._clock
        return RunFinished(
            elapsed_seconds=self.seconds(),
            run=self._run,
            metrics=judged_scores(self._loaded, scores),
            judged_on=self._loaded.judged_on,
            validation=scores["validation"],
            frozen_identical=True,
            frozen_tensors=frozen_tensors,
            frozen_in_checkpoint=frozen_in_checkpoint,
            peak_memory_bytes=peak_memory_bytes(self._spec.device),
            training_seconds=clock.spent_seconds("training"),
            evaluation_seconds=clock.spent_seconds("evaluation"),
            prefix_seconds=clock.spent_seconds("prefix"),
            total_seconds=self.seconds(),
            output=str(output) if output else None,
        )

    def _epoch(self) -> float:
        return self.step / self._loaded.steps_per_epoch
