"""Fine-tunes a model once and yields the events of the run."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from mtl_core.errors import DamagedCheckpoint, Diverged, NotFinite
from mtl_core.file_access import ANY_FILE, FileAccess
from mtl_core.freezing.apply import apply_phase
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.matrix_products import compute_with, one_thread
from mtl_core.models.stored_tensors import names_not_finite, shown
from mtl_core.settings import STATE_SECONDS
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.training.batches import Batch, collate, drawn_batches
from mtl_core.training.device import resolve_device
from mtl_core.training.embedding_rows import EmbeddingRows, embedding_rows
from mtl_core.training.evaluation import Evaluated, ReadBatch, evaluate, read_batches
from mtl_core.training.events import (
    Evaluation,
    PrefixReuse,
    RunEvent,
    Step,
    TaskScore,
)
from mtl_core.training.gradients import (
    accumulate_gradients,
    micro_batches,
    split_by_length,
    splits_batches,
)
from mtl_core.training.loaded_run import LoadedRun, load_run
from mtl_core.training.measures.movement import learning_names
from mtl_core.training.measures.run_measures import RunMeasures
from mtl_core.training.memory import release_freed_memory, reset_peak_memory
from mtl_core.training.optimizer import PlanOptimizer
from mtl_core.training.output_folder import require_empty
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.proof import digests, fixed_names, require_identical
from mtl_core.training.random_streams import RandomStream, stream_seed
from mtl_core.training.run_events import Clock, RunEvents
from mtl_core.training.saved_model import save_model
from mtl_core.training.saved_state import Saved, StateFolder, recorded
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Stage, Stages
from mtl_core.training.stored_heads import (
    StoredHeads,
    evaluates_on_stored_outputs,
    runs_on_stored_outputs,
)

_RATE_TOO_HIGH = "The learning rate is probably too high: try a tenth of it."
_RANDOM_OVERFLOWS = "No step was taken: the random weights of this configuration overflow."


def fine_tune(
    spec: RunSpec,
    run: str,
    output: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    access: FileAccess = ANY_FILE,
    prefixes: PrefixStore | None = None,
    start: Path | None = None,
    other_runs: Sequence[RunSpec] = (),
    state: Path | None = None,
    state_seconds: float = STATE_SECONDS,
    should_save: Callable[[], bool] = lambda: False,
    whole_model: bool = True,
    stages: Stages | None = None,
) -> Iterator[RunEvent]:
    """Fine-tune once as `spec` defines, and yield the events of run `run` in order.

    `output` is a missing or empty folder for the trained model; unless it is to be the
    `whole_model`, tensors that equal those of the checkpoint are not written. `should_stop` is
    called between steps. `access` defines which files may be read, `prefixes` is the store of
    frozen layers' outputs, `start` the model folder of the run that `spec.starts_from` names.
    `other_runs` of the same comparison will read the same outputs. `state` is a folder for the
    state of the run: if it has one, the run continues there, and yields only the events that
    follow. It is written every `state_seconds`, at the end of each phase, and after a step for
    which `should_save` is true. `stages` reports what the run does before its first step. Raises
    BadInput before the first event; DamagedCheckpoint, NotFinite or FreezeBroken later.
    """
    if output is not None:
        require_empty(output)
    compute_with(spec.threads)
    reset_peak_memory(resolve_device(spec.device))
    clock = Clock()
    stages = stages or Stages()
    loaded = load_run(spec, access, start, stages)
    folder = None
    if state is not None:
        folder = StateFolder(state, loaded.spec, state_seconds, should_save)
    train = _Run(
        loaded,
        prefixes,
        run,
        output,
        should_stop,
        clock,
        other_runs,
        folder,
        whole_model,
        stages,
    )
    yield from recorded(train.events(), folder)


class _Stopped(Exception):
    """The run was stopped on request."""


class _Run:
    """The state of one run."""

    def __init__(
        self,
        loaded: LoadedRun,
        prefixes: PrefixStore | None,
        run: str,
        output: Path | None,
        should_stop: Callable[[], bool],
        clock: Clock,
        other_runs: Sequence[RunSpec],
        state: StateFolder | None,
        whole_model: bool,
        stages: Stages,
    ) -> None:
        self._state, self._whole_model, self._stages = state, whole_model, stages
        self._loaded, self._spec, self._model = loaded, loaded.spec, loaded.model
        self._reused = ReusedPrefix(loaded, prefixes, self._raise_if_stopped, other_runs, stages)
        self._output, self._should_stop, self._clock = output, should_stop, clock
        self._events = RunEvents(loaded, run, clock)
        self._parameters = dict(loaded.model.named_parameters())
        read = self._embedding_rows()
        self._measures = RunMeasures(loaded, self._reused, self._raise_if_stopped)
        self._optimizer = PlanOptimizer(
            loaded.tables,
            loaded.description,
            self._parameters,
            read,
            self._measures.norms,
            weight_decay=loaded.spec.weight_decay,
            max_grad_norm=loaded.spec.max_grad_norm,
        )
        self._dropout = RandomStream(stream_seed(loaded.spec.seed, "dropout"), loaded.spec.device)
        self._drawn = drawn_batches(
            loaded.training, batch_size=self._spec.batch_size, seed=self._spec.seed
        )
        self._heads: StoredHeads | None = None
        self._read: dict[str, list[ReadBatch]] = {}  # what heads read, by split
        self._evaluated: dict[str, Evaluated] = {}  # the latest by split
        self._fixed: dict[str, str] = {}  # the latest digests of tensors that do not learn

    def _embedding_rows(self) -> EmbeddingRows | None:
        """Return the rows of the word embedding that the run reads, if the encoder learns."""
        loaded = self._loaded
        names = learning_names(loaded.tables, loaded.steps)
        learning = [self._parameters[n] for n in names if n.startswith(f"{loaded.model.prefix}.")]
        if not learning:
            return None
        sequences = (each.input_ids for each in loaded.training)
        return embedding_rows(loaded.model.backbone, learning, sequences, loaded.pad_id)

    def events(self) -> Iterator[RunEvent]:
        never_learns = frozenset.intersection(*map(fixed_names, self._loaded.tables))
        self._fixed = digests(self._parameters, fixed_names(self._loaded.tables[0]))
        at_start = {name: self._fixed[name] for name in never_learns}
        try:
            yield from self._before_training()
            taken, first = self._events.step, 0  # where a saved state continues
            for table, steps in zip(self._loaded.tables, self._loaded.steps, strict=True):
                if taken <= first + steps:
                    yield from self._phase(table, steps, max(0, taken - first))
                first += steps
            again = not self._events.step
            yield from self._evaluations_of_ends(self._loaded.tables[-1], again=again)
            if self._events.step:
                yield from self._other_evaluations(self._loaded.tables[-1])
            if measured := self._measures.final_event(self._events.seconds):
                yield measured
        except _Stopped:
            yield self._events.stopped()
            return
        require_identical(at_start, digests(self._parameters, never_learns), "during the run")
        found = save_model(
            self._output, self._loaded, self._scores, at_start, whole=self._whole_model
        )
        yield self._events.finished(self._scores, len(at_start), self._output, found)

    def _before_training(self) -> Iterator[RunEvent]:
        """Score and measure the model before training; then continue from a saved state.

        The events before training are yielded once: if there is a state, they were already.
        """
        saved = self._state.read() if self._state is not None else None
        for event in self._opening(self._loaded.tables[0]):
            if saved is None:
                yield event
        if saved is not None:
            self._continue_from(saved)

    def _opening(self, table: ParameterTable) -> Iterator[RunEvent]:
        yield self._events.started()
        self._enter(table)
        self._stages.begin(Stage.EVALUATION)
        yield self._evaluation(table)
        yield from self._evaluations_of_ends(table)
        yield from self._other_evaluations(table)
        self._measures.begin()

    def _phase(self, table: ParameterTable, steps: int, taken: int = 0) -> Iterator[RunEvent]:
        """Train one phase, of which `taken` steps were taken before the run was interrupted."""
        prefix = self._enter(table)
        self._prepare_heads(table)
        before = self._digests_before(table)
        if taken:
            self._optimizer.continue_phase(table)
            yield from self._after_step(table, taken, steps)
        else:
            yield self._events.phase_started(table, steps, prefix)
        self._stages.begin(Stage.STEP)
        for step in range(taken + 1, steps + 1):
            self._raise_if_stopped()
            yield self._step(table, step, steps)
            # after the last phase only an evaluation is left, which is sooner repeated than saved
            at_end = step == steps and table is not self._loaded.tables[-1]
            self._save_state(before, at_end=at_end)
            yield from self._after_step(table, step, steps)
        after = digests(self._parameters, before)
        require_identical(before, after, f"in phase '{table.phase.name}'")
        self._fixed = after
        self._reused.verify()
        yield self._events.phase_finished(table, len(before))

    def _after_step(self, table: ParameterTable, step: int, steps: int) -> Iterator[RunEvent]:
        """Evaluate after the last step of the phase, and as often in an epoch as requested."""
        if step == steps or self._loaded.is_evaluated_after(self._events.step):
            yield self._evaluation(table)
            yield from self._evaluations_between(table)

    def _save_state(self, fixed: Mapping[str, str], *, at_end: bool) -> None:
        """Save the state at the end of a phase, and when it is due. `fixed` are digests."""
        if self._state is None or not (at_end or self._state.is_due()):
            return
        learning = learning_names(self._loaded.tables, self._loaded.steps)
        tensors = {f"weight/{name}": self._parameters[name].detach() for name in learning}
        tensors |= self._optimizer.state() | {"dropout": self._dropout.state}
        values = {
            "fixed": dict(fixed),
            "clock": self._clock.state(),
            "pending_decay": self._optimizer.pending_decay,
        }
        self._state.write(self._events.step, values, tensors)

    def _continue_from(self, saved: Saved) -> None:
        """Restore what training has changed, and draw the sentences of the steps taken."""
        for name, tensor in saved.tensors.items():
            kind, _, parameter = name.partition("/")
            if kind == "weight":
                self._parameters[parameter].detach().copy_(tensor)
        self._optimizer.load_state(saved.tensors, saved.values["pending_decay"])
        self._dropout.state = saved.tensors["dropout"]
        self._clock.load_state(saved.values["clock"])
        self._fixed = dict(saved.values["fixed"])
        self._read = {}
        self._events.step = saved.step
        for _ in range(saved.step):
            next(self._drawn)

    def _digests_before(self, table: ParameterTable) -> dict[str, str]:
        """Return the digests of the tensors that are fixed in a phase, before its first step.

        A tensor that was fixed before keeps its earlier digest, so a change between phases is
        found too.
        """
        names = fixed_names(table)
        known = {name: digest for name, digest in self._fixed.items() if name in names}
        return known | digests(self._parameters, names - known.keys())

    def _enter(self, table: ParameterTable) -> PrefixReuse:
        """Apply a phase to the model and prepare its prefix. Repeating it changes nothing."""
        apply_phase(table, self._model, frozen_dropout=self._spec.frozen_dropout)
        with self._clock.spending("prefix"):
            prefix = self._reused.enter(table)
        release_freed_memory()
        return prefix

    def _prepare_heads(self, table: ParameterTable) -> None:
        """Collect the rows that heads read in this phase, if nothing else learns."""
        self._heads = None
        if table.phase_number > 1:
            self._read = {}  # the backbone may have learned
        if runs_on_stored_outputs(self._loaded, self._reused):
            with self._clock.spending("prefix"):
                self._heads = StoredHeads(self._loaded, self._reused, self._raise_if_stopped)

    def _step(self, table: ParameterTable, step: int, steps: int) -> Step:
        threads = nullcontext() if self._heads is None else one_thread()
        with self._clock.spending("training"), self._dropout.drawing(), threads:
            losses = self._accumulate_gradients(table)
            self._events.step += 1
            require_finite(losses, self._events.step, self._loaded)
            rates = self._optimizer.step(table, step, steps)
        return self._events.stepped(table, losses, rates)

    def _accumulate_gradients(self, table: ParameterTable) -> dict[str, float]:
        """Draw the examples of the next step and write their gradients; return the losses."""
        drawn = next(self._drawn)
        if self._heads is not None:
            return self._heads.accumulate_gradients(drawn)
        return accumulate_gradients(self._loaded, self._reused, self._parts(drawn, table))

    def _parts(self, drawn: Sequence[EncodedExample], table: ParameterTable) -> list[Batch]:
        """Return one batch of these examples, or several to be accumulated."""
        tasks, pad = self._spec.tasks, self._loaded.pad_id
        if self._spec.has_micro_batches:
            return micro_batches(drawn, self._spec.pass_size, tasks, pad)
        if not splits_batches(table, self._spec.device):
            return [collate(drawn, tasks, pad)]
        return split_by_length(drawn, tasks, pad, packed=self._reused.packs)

    def _raise_if_stopped(self) -> None:
        if self._should_stop():
            raise _Stopped

    def _evaluation(self, table: ParameterTable, split: str = "validation") -> Evaluation:
        self._optimizer.complete_embedding()
        with self._clock.spending("evaluation"):
            evaluated = self._evaluated_now(split)
        release_freed_memory()
        self._evaluated[split] = evaluated
        return self._scored(table, split, evaluated.scores)

    def _evaluated_now(self, split: str) -> Evaluated:
        """Score the sentences of a split; where only heads run, their rows are read once."""
        loaded, step, tasks = self._loaded, self._events.step, self._spec.tasks
        examples, encoded = loaded.encoded_splits[split]
        measured = split == "validation"  # the measures read its sentences

        def batches() -> Iterator[ReadBatch]:
            states = self._measures.states_for(step) if measured else self._reused.states_at
            return read_batches(self._model, encoded, tasks, loaded.pad_id, states)

        def scored(read: Iterable[ReadBatch]) -> Evaluated:
            return evaluate(self._model, examples, encoded, tasks, loaded.pad_id, batches=read)

        if not evaluates_on_stored_outputs(encoded, loaded, self._reused):
            return scored(batches())
        if split not in self._read or (measured and self._measures.records(step)):
            self._read[split] = list(batches())
        with one_thread():
            return scored(self._read[split])

    def _evaluations_of_ends(
        self, table: ParameterTable, *, again: bool = False
    ) -> Iterator[RunEvent]:
        """Score the test split, and yield the predictions on every split.

        The test split is scored before and after training only, so nothing can be chosen by it.
        `again`: the end of a run without a step, whose validation sentences are predicted again.
        """
        splits = self._loaded.encoded_splits
        for split in splits:
            if split != "validation":
                yield self._evaluation(table, split)
            elif again:
                self._evaluation(table, split)
        for split, (_, encoded) in splits.items():
            predicted = self._evaluated[split].predicted
            yield self._events.answers(split, predicted, encoded, self._spec.tasks)

    @property
    def _scores(self) -> dict[str, dict[str, TaskScore]]:
        """The latest scores by split and task."""
        return {split: each.scores for split, each in self._evaluated.items()}

    def _evaluations_between(self, table: ParameterTable) -> Iterator[RunEvent]:
        """Score the other data before the last step, if the spec requests it."""
        if self._spec.others_each_epoch and self._events.step < sum(self._loaded.steps):
            yield from self._other_evaluations(table)

    def _other_evaluations(self, table: ParameterTable) -> Iterator[RunEvent]:
        """Score the data that the run does not learn from, and yield the predictions on them.

        Each is a split of its own.
        """
        for other in self._loaded.others:
            with self._clock.spending("evaluation"):
                states = self._reused.whole_states_at
                found = other.evaluate(self._model, self._loaded.pad_id, states)
            yield self._scored(table, other.reference, found.scores)
            yield self._events.answers(
                other.reference, found.predicted, other.encoded.examples, other.tasks
            )

    def _scored(
        self, table: ParameterTable, split: str, scores: dict[str, TaskScore]
    ) -> Evaluation:
        losses = {task: score.loss for task, score in scores.items()}
        require_finite(losses, self._events.step, self._loaded)
        return self._events.scored(table, split, scores)


def require_finite(losses: Mapping[str, float | None], step: int, loaded: LoadedRun) -> None:
    """Raise for a loss by task that is not finite, after `step` steps.

    Raises DamagedCheckpoint if the cause is in the weights that the run started from: some of them
    are not finite, or no step was taken. Otherwise Diverged, or NotFinite for random weights before
    the first step.
    """
    bad = next((e for e in losses.items() if e[1] is not None and not math.isfinite(e[1])), None)
    if bad is None:
        return
    what = f"The loss of {bad[0]} became {bad[1]} at step {step}. Nothing was written."
    if loaded.source is None:
        if step:
            raise Diverged(f"{what} {_RATE_TOO_HIGH}")
        raise NotFinite(f"{what} {_RANDOM_OVERFLOWS}")
    damaged = names_not_finite(
        loaded.source,
        (*(each.name for each in loaded.description.backbone.tensors), *loaded.loaded_heads),
        loaded.description.backbone.prefix,
    )
    if step and not damaged:
        raise Diverged(f"{what} {_RATE_TOO_HIGH}")
    cause = f"NaN or infinite values in {shown(damaged)}" if damaged else "no step was taken"
    if loaded.spec.starts_from is None:
        raise DamagedCheckpoint(
            f"{what} The checkpoint's own weights are damaged ({cause}). Copy it again."
        )
    raise DamagedCheckpoint(
        f"{what} The weights of run '{loaded.spec.starts_from}' are damaged ({cause}). Train that "
        "run again."
    )
