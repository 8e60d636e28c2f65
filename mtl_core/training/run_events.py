"""What a run says of itself: each event with the second, step and epoch at which it stands."""

from collections.abc import Mapping
from pathlib import Path

from mtl_core.freezing.table import ParameterTable
from mtl_core.training.clock import Clock, peak_memory_bytes
from mtl_core.training.events import (
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
from mtl_core.training.loaded_run import Setting


class RunEvents:
    """The events of one run. `step` counts those taken in the whole run; the run moves it on."""

    def __init__(self, setting: Setting, run: str, clock: Clock) -> None:
        self._setting, self._spec, self._run, self._clock = setting, setting.spec, run, clock
        self.step = 0

    def seconds(self) -> float:
        """Seconds since the run began."""
        return self._clock.elapsed_seconds()

    def started(self) -> RunStarted:
        """What is to be run, on how much."""
        return RunStarted(
            elapsed_seconds=self.seconds(),
            run=self._run,
            spec=self._spec,
            totals=self._setting.totals,
            total_steps=sum(self._setting.steps),
            examples=self._setting.counts(),
            notes=self._setting.notes,
        )

    def phase_started(self, table: ParameterTable, steps: int, prefix: PrefixReuse) -> PhaseStarted:
        """What learns from now on, and for how long."""
        return PhaseStarted(
            elapsed_seconds=self.seconds(),
            phase=table.phase.name,
            number=table.phase_number,
            trainable=table.totals.trainable,
            frozen=table.totals.frozen,
            unreached=table.totals.unreached,
            epochs=steps / self._setting.steps_per_epoch,
            steps=steps,
            prefix=prefix,
        )

    def stepped(
        self,
        table: ParameterTable,
        losses: Mapping[str, float | None],
        rates: dict[str, float],
    ) -> Step:
        """The losses of the step just taken, and the rate of each group that learned."""
        return Step(
            elapsed_seconds=self.seconds(),
            phase=table.phase.name,
            step=self.step,
            epoch=self._epoch(),
            loss={task.name: losses.get(task.name) for task in self._spec.tasks},
            learning_rates=rates,
        )

    def scored(self, table: ParameterTable, split: str, scores: dict[str, TaskScore]) -> Evaluation:
        """The scores on one split of the data, as the model is now."""
        return Evaluation(
            elapsed_seconds=self.seconds(),
            phase=table.phase.name,
            epoch=self._epoch(),
            step=self.step,
            split=split,
            tasks=scores,
        )

    def phase_finished(self, table: ParameterTable, frozen_tensors: int) -> PhaseFinished:
        """That what was frozen is still the same, to the bit: the caller has looked."""
        return PhaseFinished(
            elapsed_seconds=self.seconds(),
            phase=table.phase.name,
            frozen_identical=True,
            frozen_tensors=frozen_tensors,
        )

    def stopped(self) -> RunStopped:
        """The end of a run that somebody stopped."""
        return RunStopped(elapsed_seconds=self.seconds(), reason="Stopped on request.")

    def finished(
        self, metrics: dict[str, TaskScore], frozen_tensors: int, output: Path | None
    ) -> RunFinished:
        """What came of it and what it took; `frozen_tensors` never learned, and are the same."""
        clock = self._clock
        return RunFinished(
            elapsed_seconds=self.seconds(),
            run=self._run,
            metrics=metrics,
            frozen_identical=True,
            frozen_tensors=frozen_tensors,
            peak_memory_bytes=peak_memory_bytes(self._spec.device),
            training_seconds=clock.spent_seconds("training"),
            evaluation_seconds=clock.spent_seconds("evaluation"),
            prefix_seconds=clock.spent_seconds("prefix"),
            total_seconds=self.seconds(),
            output=str(output) if output else None,
        )

    def _epoch(self) -> float:
        return self.step / self._setting.steps_per_epoch
