"""One of the runs that are trained together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mtl_core.freezing.table import ParameterTable, State
from mtl_core.training.events import (
    Evaluation,
    Measured,
    PhaseFinished,
    PhaseStarted,
    PrefixReuse,
    RunFailed,
    RunFinished,
    Step,
    TaskScore,
)
from mtl_core.training.loaded_run import LoadedRun
from mtl_core.training.measures.run_measures import RunMeasures
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.proof import digests, fixed_names, require_identical
from mtl_core.training.run import require_finite
from mtl_core.training.run_events import Clock, RunEvents
from mtl_core.training.saved_model import save_model
from mtl_core.training.schedule import rate_factor
from mtl_core.training.spec import RunSpec


@dataclass(frozen=True)
class Member:
    """A run to be trained together with others, as `fine_tune` takes it."""

    run: str
    spec: RunSpec
    output: Path | None = None
    whole_model: bool = True


class MemberRun:
    """The state of one run apart from its heads' parameters, which are stacked.

    `scores` and `outputs` are those of the last evaluation of each split: scores and highest
    outputs by split and task. The parameters of `loaded.model` are those of the last call of
    `StackedSteps.write_heads`.
    """

    def __init__(
        self,
        member: Member,
        loaded: LoadedRun,
        reused: ReusedPrefix,
        between: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.run, self.loaded = member.run, loaded
        self.events = RunEvents(loaded, member.run, clock)
        self.measures = RunMeasures(loaded, reused, between)
        self.scores: dict[str, dict[str, TaskScore]] = {}
        self.outputs: dict[str, dict[str, list[int]]] = {}
        self.table: ParameterTable = loaded.tables[0]
        self._output, self._whole_model = member.output, member.whole_model
        prefix = f"{loaded.model.prefix}."
        self._heads = {
            name: each
            for name, each in loaded.model.named_parameters()
            if not name.startswith(prefix)
        }
        never_learn = frozenset.intersection(*map(fixed_names, loaded.tables))
        self._at_start = digests(self._heads, never_learn & self._heads.keys())
        self._before: dict[str, str] = {}
        self._rates: dict[str, float] = {}

    def enter(self, number: int, steps: int, prefix: PrefixReuse) -> PhaseStarted:
        """Start the phase with this index, and build its event."""
        self.table = self.loaded.tables[number]
        self._before = digests(self._heads, fixed_names(self.table) & self._heads.keys())
        self._rates = {
            row.group: row.learning_rate or 0.0
            for row in self.table.rows
            if row.state is State.TRAINABLE
        }
        return self.events.phase_started(self.table, steps, prefix)

    def rates(self, step: int, steps: int) -> dict[str, float]:
        """Return the learning rate of each head that learns, at `step` (from 1) of `steps`."""
        factor = rate_factor(self.table.plan.schedule, step, steps)
        return {group: rate * factor for group, rate in self._rates.items()}

    def stepped(self, losses: Mapping[str, float | None], rates: dict[str, float]) -> Step:
        """Count a step and build its event. Raises as `require_finite` does."""
        self.events.step += 1
        require_finite(losses, self.events.step, self.loaded)
        return self.events.stepped(self.table, losses, rates)

    def scored(self, table: ParameterTable, split: str, scores: dict[str, TaskScore]) -> Evaluation:
        """Build the event of an evaluation. Raises as `require_finite` does."""
        losses = {task: score.loss for task, score in scores.items()}
        require_finite(losses, self.events.step, self.loaded)
        return self.events.scored(table, split, scores)

    def phase_finished(self, backbone_tensors: int) -> PhaseFinished:
        """Compare the heads that were frozen in the phase, and build the event for its end.

        Raises FreezeBroken if one has changed.
        """
        after = digests(self._heads, self._before)
        require_identical(self._before, after, f"in phase '{self.table.phase.name}'")
        return self.events.phase_finished(self.table, backbone_tensors + len(self._before))

    def measured(self) -> Measured | None:
        """Build the event with the run's measures; None without measures."""
        return self.measures.final_event(self.events.seconds)

    def finished(self, backbone_at_start: Mapping[str, str]) -> RunFinished:
        """Compare the heads that never learned, write the model and build the last event.

        Raises FreezeBroken if a frozen tensor differs, and OSError.
        """
        require_identical(self._at_start, digests(self._heads, self._at_start), "during the run")
        at_start = {**backbone_at_start, **self._at_start}
        found = save_model(
            self._output, self.loaded, self.scores, at_start, whole=self._whole_model
        )
        return self.events.finished(self.scores, len(at_start), self._output, found)

    def failed(self, problem: Exception) -> RunFailed:
        """Build the last event of a run that failed."""
        return RunFailed.of(problem, self.events.seconds())
