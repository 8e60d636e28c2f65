"""Fine-tunes the heads of several runs at once and yields the events of all of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mtl_core.errors import FreezeLabError, machine_fault
from mtl_core.file_access import ANY_FILE, FileAccess
from mtl_core.freezing.apply import apply_phase
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import Role
from mtl_core.models.matrix_products import compute_with
from mtl_core.settings import PREFIX_MEMORY_BYTES
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.task import Task
from mtl_core.training.evaluation import States
from mtl_core.training.events import PrefixReuse, RunEvent, RunFailed
from mtl_core.training.loaded_run import LoadedRun, load_runs
from mtl_core.training.measures.run_measures import RunMeasures
from mtl_core.training.memory import release_freed_memory, reset_peak_memory
from mtl_core.training.output_folder import require_empty
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.proof import digests, require_identical
from mtl_core.training.run import fine_tune
from mtl_core.training.run_events import Clock
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Stage, Stages
from mtl_core.training.together.evaluation import StoredSplit
from mtl_core.training.together.member import Member, MemberRun
from mtl_core.training.together.rows import TaskRows, collect_rows, count_rows
from mtl_core.training.together.rule import NotTogether
from mtl_core.training.together.steps import StackedSteps

_VALIDATION = "validation"

TaggedEvent = tuple[str, RunEvent]
"""The id of a run and one of its events."""


def fine_tune_together(
    members: Sequence[Member],
    should_stop: Callable[[str], bool] = lambda _: False,
    access: FileAccess = ANY_FILE,
    prefixes: PrefixStore | None = None,
    start: Path | None = None,
    other_runs: Sequence[RunSpec] = (),
    stages: Stages | None = None,
) -> Iterator[TaggedEvent]:
    """Fine-tune runs that `trains_together` accepts, and yield the events of each in order.

    A run has the events that `fine_tune` yields for it alone, with losses equal within 1e-6. Data,
    backbone and stored outputs are loaded once. A run that is stopped, or whose loss is not finite,
    ends with its own last event; the others continue. A single run is trained alone. The arguments
    are those of `fine_tune`; `stages` reports those of all runs. Raises NotTogether if outputs
    cannot be stored, and FreezeLabError for a problem of all runs that have no final event yet.
    """
    ready = []
    for member in members:
        try:
            if member.output is not None:
                require_empty(member.output)
            ready.append(member)
        except FreezeLabError as problem:
            yield member.run, RunFailed.of(problem, 0.0)
    if len(ready) > 1:
        group = _loaded_group(ready, should_stop, access, prefixes, start, other_runs, stages)
        yield from group.events()
    elif ready:
        yield from _alone(ready[0], should_stop, access, prefixes, start, other_runs, stages)


def _alone(
    member: Member,
    should_stop: Callable[[str], bool],
    access: FileAccess,
    prefixes: PrefixStore | None,
    start: Path | None,
    other_runs: Sequence[RunSpec],
    stages: Stages | None,
) -> Iterator[TaggedEvent]:
    """Yield the events of one run that is trained alone; an error becomes its last event."""
    clock = Clock()
    events = fine_tune(
        member.spec,
        member.run,
        member.output,
        lambda: should_stop(member.run),
        access,
        prefixes,
        start,
        other_runs,
        whole_model=member.whole_model,
        stages=stages,
    )
    try:
        for event in events:
            yield member.run, event
    except FreezeLabError as problem:
        yield member.run, RunFailed.of(problem, clock.elapsed_seconds())


def _loaded_group(
    members: Sequence[Member],
    should_stop: Callable[[str], bool],
    access: FileAccess,
    prefixes: PrefixStore | None,
    start: Path | None,
    other_runs: Sequence[RunSpec],
    stages: Stages | None,
) -> "_Group":
    """Load the runs and compute what they share.

    Raises NotTogether if their outputs cannot be stored, or if a phase trains no head.
    """
    spec, stages = members[0].spec, stages or Stages()
    compute_with(spec.threads)
    reset_peak_memory(spec.device)
    clock = Clock()
    loaded = load_runs([member.spec for member in members], access, start, stages)
    group = _Group(members, loaded, prefixes, should_stop, clock, other_runs, stages)
    limit = PREFIX_MEMORY_BYTES if prefixes is None else prefixes.memory_bytes
    if not group.prepare(limit):
        raise NotTogether
    return group


class _AllStopped(Exception):
    """Every run was stopped on request."""


class _AllEnded(Exception):
    """Every run has its last event."""


class _Group:
    """The state of runs that are trained together."""

    def __init__(
        self,
        members: Sequence[Member],
        loaded: Sequence[LoadedRun],
        prefixes: PrefixStore | None,
        should_stop: Callable[[str], bool],
        clock: Clock,
        other_runs: Sequence[RunSpec],
        stages: Stages,
    ) -> None:
        self._first, self._should_stop, self._clock = loaded[0], should_stop, clock
        self._stages = stages
        self._reused = ReusedPrefix(
            self._first, prefixes, self._raise_if_all_stopped, other_runs, stages
        )
        self._runs = [
            MemberRun(member, each, self._reused, self._raise_if_all_stopped, clock)
            for member, each in zip(members, loaded, strict=True)
        ]
        prefix = self._first.model.prefix
        self._backbone = dict(self._first.model.backbone.named_parameters(prefix=prefix))
        self._at_start = digests(self._backbone, self._backbone)
        self._splits: dict[str, StoredSplit] = {}
        self._stacked: StackedSteps | None = None

    def prepare(self, limit_bytes: int) -> bool:
        """Compute the stored outputs; return whether the runs can be trained on them.

        They cannot if a phase trains no head or a part of one, if the outputs are not reused, or if
        the rows that heads read are larger than `limit_bytes`.
        """
        loaded = self._first
        if not all(map(_trains_whole_heads, loaded.tables)):
            return False
        tasks = loaded.spec.tasks
        read = [(loaded.training, tasks), (loaded.evaluated, tasks)]
        read += [(other.encoded.examples, other.tasks) for other in loaded.others]
        rows = sum(count_rows(examples, own) for examples, own in read)
        if rows * loaded.description.backbone.hidden_size * 4 > limit_bytes:
            return False
        try:
            reuse = self._enter(loaded.tables[0])
        except _AllStopped:
            return True  # `events` ends all runs before the first of them starts
        return reuse.from_layer == reuse.layers

    def events(self) -> Iterator[TaggedEvent]:
        """Yield the events of all runs."""
        try:
            yield from self._events()
        except _AllStopped:
            yield from ((each.run, each.events.stopped()) for each in self._runs)
        except _AllEnded:
            return

    def _events(self) -> Iterator[TaggedEvent]:
        first, last = self._first.tables[0], self._first.tables[-1]
        at_start = self._at_start
        yield from self._of_each(lambda each: each.events.started())
        yield from self._stop_requested()
        self._stages.begin(Stage.EVALUATION)
        measures = self._runs[0].measures
        stacked = self._stacked = StackedSteps(self._runs, self._collect(measures))
        yield from self._evaluate(first, stacked)
        yield from self._evaluate_ends(first, stacked)
        yield from self._evaluate_others(first, stacked)
        measures.begin([run.measures for run in self._runs if run.measures is not measures])
        for number in range(len(self._first.tables)):
            yield from self._phase(number, at_start, stacked)
        yield from self._evaluate_ends(last, stacked)
        yield from self._evaluate_others(last, stacked)
        yield from self._of_each(MemberRun.measured)
        require_identical(at_start, digests(self._backbone, at_start), "during the run")
        yield from self._of_each(lambda each: each.finished(at_start))

    def _phase(
        self, number: int, at_start: Mapping[str, str], stacked: StackedSteps
    ) -> Iterator[TaggedEvent]:
        table, steps = self._first.tables[number], self._first.steps[number]
        prefix = self._enter(table)
        stacked.enter(table)
        yield from self._of_each(lambda each: each.enter(number, steps, prefix))
        self._stages.begin(Stage.STEP)
        for step in range(1, steps + 1):
            yield from self._stop_requested()
            yield from self._step(step, steps, stacked)
            if step == steps or self._first.is_evaluated_after(self._runs[0].events.step):
                yield from self._evaluate(table, stacked)
        stacked.write_heads()
        after = digests(self._backbone, at_start)
        require_identical(at_start, after, f"in phase '{table.phase.name}'")
        self._reused.verify()
        yield from self._of_each(lambda each: each.phase_finished(len(at_start)))

    def _enter(self, table: ParameterTable) -> PrefixReuse:
        apply_phase(table, self._first.model)
        with self._clock.spending("prefix"):
            prefix = self._reused.enter(table)
        release_freed_memory()
        return prefix

    def _collect(self, measures: RunMeasures) -> dict[str, TaskRows]:
        """Collect the outputs that heads read in evaluations; return those of the training data."""
        loaded, reused = self._first, self._reused

        def rows(
            examples: Sequence[EncodedExample], tasks: Sequence[Task], states: States
        ) -> dict[str, TaskRows]:
            between = self._raise_if_all_stopped
            return collect_rows(loaded.model, examples, tasks, loaded.pad_id, states, between)

        tasks = loaded.spec.tasks
        with self._clock.spending("evaluation"):
            for split, (examples, encoded) in loaded.encoded_splits.items():
                measured = split == _VALIDATION  # the measures read its sentences
                states = measures.states_for(0) if measured else reused.states_at
                own = rows(encoded, tasks, states)
                self._splits[split] = StoredSplit(examples, encoded, tasks, own)
            for other in loaded.others:
                encoded = other.encoded.examples
                own = rows(encoded, other.tasks, reused.whole_states_at)
                self._splits[other.reference] = StoredSplit(
                    other.examples, encoded, other.tasks, own
                )
        with self._clock.spending("prefix"):
            return rows(loaded.training, tasks, reused.states_at)

    def _step(self, step: int, steps: int, stacked: StackedSteps) -> Iterator[TaggedEvent]:
        with self._clock.spending("training"):
            rates = [each.rates(step, steps) for each in self._runs]
            losses = stacked.step(rates)
        found = dict(zip(self._runs, zip(losses, rates, strict=True), strict=True))
        yield from self._of_each(lambda each: each.stepped(*found[each]))

    def _evaluate(
        self, table: ParameterTable, stacked: StackedSteps, split: str = _VALIDATION
    ) -> Iterator[TaggedEvent]:
        """Score all runs on one split."""
        with self._clock.spending("evaluation"):
            evaluated = self._splits[split].evaluate(stacked.heads)
        release_freed_memory()
        found = dict(zip(self._runs, evaluated, strict=True))
        for run, own in found.items():
            run.scores[split], run.outputs[split] = own.scores, own.outputs
        yield from self._of_each(lambda each: each.scored(table, split, found[each].scores))

    def _evaluate_others(
        self, table: ParameterTable, stacked: StackedSteps
    ) -> Iterator[TaggedEvent]:
        """Score all runs on the data that they do not learn from, and yield the predictions.

        Each is a split of its own.
        """
        for other in self._first.others:
            yield from self._evaluate(table, stacked, other.reference)
            yield from self._answers(other.reference)

    def _evaluate_ends(self, table: ParameterTable, stacked: StackedSteps) -> Iterator[TaggedEvent]:
        """Score all runs on the test split, and yield their predictions on every split."""
        splits = tuple(self._first.encoded_splits)
        for split in splits:
            if split != _VALIDATION:
                yield from self._evaluate(table, stacked, split)
        for split in splits:
            yield from self._answers(split)

    def _answers(self, split: str) -> Iterator[TaggedEvent]:
        stored = self._splits[split]
        return self._of_each(
            lambda each: each.events.answers(
                split, stored.predicted(each.outputs[split]), stored.encoded, stored.tasks
            )
        )

    def _stop_requested(self) -> Iterator[TaggedEvent]:
        """End the runs that were stopped on request."""
        stopped = [each for each in self._runs if self._should_stop(each.run)]
        for each in stopped:
            yield each.run, each.events.stopped()
        self._leave(stopped)

    def _of_each(self, event: Callable[[MemberRun], RunEvent | None]) -> Iterator[TaggedEvent]:
        """Yield one event of each run, if it has one; a run with an error ends with that error."""
        for each in tuple(self._runs):
            try:
                found = event(each)
            except Exception as problem:
                if not isinstance(problem, FreezeLabError) and machine_fault(problem) is None:
                    raise
                yield each.run, each.failed(problem)
                self._leave([each])
                continue
            if found is not None:
                yield each.run, found

    def _leave(self, ended: Sequence[MemberRun]) -> None:
        """Remove ended runs; the others continue. Raises _AllEnded if none is left."""
        if not ended:
            return
        remaining = [place for place, each in enumerate(self._runs) if each not in ended]
        self._runs = [self._runs[place] for place in remaining]
        if not self._runs:
            raise _AllEnded
        if self._stacked is not None:
            self._stacked.select(remaining)

    def _raise_if_all_stopped(self) -> None:
        if all(self._should_stop(each.run) for each in self._runs):
            raise _AllStopped


def _trains_whole_heads(table: ParameterTable) -> bool:
    """Whether heads learn in this phase, each with weight and bias, and nothing else does."""
    learning = [row for row in table.rows if row.state is State.TRAINABLE]
    groups = {row.group for row in learning}
    return (
        bool(learning)
        and all(row.role is Role.HEAD for row in learning)
        and all(row.state is State.TRAINABLE for row in table.rows if row.group in groups)
    )
