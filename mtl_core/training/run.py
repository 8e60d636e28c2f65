"""One fine-tune, as the stream of what happens."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mtl_core.errors import NotFinite
from mtl_core.freezing.apply import apply_phase
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.matrix_products import compute_with
from mtl_core.settings import ANY_FILE, FileAccess
from mtl_core.training.answers import Highest, answers
from mtl_core.training.batches import Batch, collate, drawn_batches
from mtl_core.training.clock import Clock, forget_peak_memory
from mtl_core.training.device import chosen_device
from mtl_core.training.embedding_rows import embedding_rows
from mtl_core.training.evaluation import evaluate_whole
from mtl_core.training.events import (
    Answers,
    Evaluation,
    PrefixReuse,
    RunEvent,
    Step,
    TaskScore,
)
from mtl_core.training.folder import require_empty, written_whole
from mtl_core.training.freed_memory import give_back_freed_memory
from mtl_core.training.gradients import take_gradients
from mtl_core.training.loaded_run import Setting, load_setting
from mtl_core.training.measures.movement import learning_names
from mtl_core.training.measures.run_measures import RunMeasures
from mtl_core.training.optimizer import PlanOptimizer
from mtl_core.training.parts import in_parts, runs_in_parts
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.proof import digests, require_identical, require_written, still_names
from mtl_core.training.random_stream import RandomStream
from mtl_core.training.run_events import RunEvents
from mtl_core.training.seeds import stream_seed
from mtl_core.training.spec import RunSpec
from mtl_core.training.writer import write_model

_RATE_TOO_HIGH = "The learning rate is probably too high: try a tenth of it."
_WEIGHTS_DAMAGED = "No step was taken: the checkpoint's own weights are damaged. Copy it again."


def fine_tune(
    spec: RunSpec,
    run: str,
    output: Path | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    access: FileAccess = ANY_FILE,
    prefixes: PrefixStore | None = None,
    start: Path | None = None,
    beside: Sequence[RunSpec] = (),
) -> Iterator[RunEvent]:
    """Fine-tune once as `spec` says; yield what happened, in order.

    `should_stop` is asked between steps. The finished model is written into `output`, which must
    be missing or empty; `access` decides which files are read, `prefixes` where outputs of frozen
    layers are kept for later runs, `start` the model of the run it goes on from, `beside` the other
    runs of a comparison, which read of the same outputs. Raises BadInput before the first event,
    NotFinite or FreezeBroken later.
    """
    if output is not None:
        require_empty(output)
    compute_with(spec.threads)
    forget_peak_memory(chosen_device(spec.device))
    clock = Clock()
    yield from _Run(
        load_setting(spec, access, start), prefixes, run, output, should_stop, clock, beside
    ).events()


class _Stopped(Exception):
    """Somebody asked the run to stop."""


class _Run:
    """The state of one run while it goes on."""

    def __init__(
        self,
        setting: Setting,
        prefixes: PrefixStore | None,
        run: str,
        output: Path | None,
        should_stop: Callable[[], bool],
        clock: Clock,
        beside: Sequence[RunSpec],
    ) -> None:
        self._setting, self._spec, self._model = setting, setting.spec, setting.model
        self._reused = ReusedPrefix(setting, prefixes, self._leave_if_stopped, beside)
        self._output, self._should_stop, self._clock = output, should_stop, clock
        self._told = RunEvents(setting, run, clock)
        self._parameters = dict(setting.model.named_parameters())
        learning = [self._parameters[n] for n in learning_names(setting.tables, setting.steps)]
        sequences = (each.input_ids for each in setting.training)
        read = embedding_rows(setting.model.backbone, learning, sequences, setting.pad_id)
        self._measures = RunMeasures(setting, self._reused, self._leave_if_stopped)
        self._optimizer = PlanOptimizer(
            setting.tables,
            setting.description,
            self._parameters,
            read,
            self._measures.norms,
            weight_decay=setting.spec.weight_decay,
            max_grad_norm=setting.spec.max_grad_norm,
        )
        self._dropout = RandomStream(stream_seed(setting.spec.seed, "dropout"), setting.spec.device)
        self._drawn = drawn_batches(
            setting.training, batch_size=self._spec.batch_size, seed=self._spec.seed
        )
        self._metrics: dict[str, TaskScore] = {}
        self._highest: Highest = {}

    def events(self) -> Iterator[RunEvent]:
        never_learns = frozenset.intersection(*map(still_names, self._setting.tables))
        at_start = digests(self._parameters, never_learns)
        yield self._told.started()
        try:
            self._enter(self._setting.tables[0])
            yield self._evaluation(self._setting.tables[0])
            yield self._answers()
            yield from self._elsewhere(self._setting.tables[0])
            self._measures.begin()
            for table, steps in zip(self._setting.tables, self._setting.steps, strict=True):
                yield from self._phase(table, steps)
            yield self._answers()
            if self._told.step:
                yield from self._elsewhere(self._setting.tables[-1])
            yield from self._measures.told(self._told.seconds)
        except _Stopped:
            yield self._told.stopped()
            return
        require_identical(at_start, digests(self._parameters, never_learns), "during the run")
        if self._output is not None:
            self._write(self._output, at_start)
        yield self._told.finished(self._metrics, len(at_start), self._output)

    def _phase(self, table: ParameterTable, steps: int) -> Iterator[RunEvent]:
        prefix = self._enter(table)
        still = digests(self._parameters, still_names(table))
        yield self._told.phase_started(table, steps, prefix)
        for step in range(1, steps + 1):
            self._leave_if_stopped()
            yield self._learn(table, step, steps)
            if step == steps or self._told.step % self._setting.steps_per_epoch == 0:
                yield self._evaluation(table)
        after = digests(self._parameters, still)
        require_identical(still, after, f"in phase '{table.phase.name}'")
        self._reused.verify()
        yield self._told.phase_finished(table, len(still))

    def _enter(self, table: ParameterTable) -> PrefixReuse:
        """Make the model obey a phase; once, or again: it stays the same."""
        apply_phase(table, self._model)
        with self._clock.spending("prefix"):
            told = self._reused.enter(table)
        give_back_freed_memory()
        return told

    def _learn(self, table: ParameterTable, step: int, steps: int) -> Step:
        with self._clock.spending("training"), self._dropout.drawing():
            values = take_gradients(self._setting, self._reused, self._parts(table))
            self._told.step += 1
            self._require_finite(values)
            rates = self._optimizer.step(table, step, steps)
        return self._told.stepped(table, values, rates)

    def _parts(self, table: ParameterTable) -> list[Batch]:
        """The next step's examples, in one batch or in several that are added up."""
        drawn, tasks, pad = next(self._drawn), self._spec.tasks, self._setting.pad_id
        if not runs_in_parts(table, self._spec.device):
            return [collate(drawn, tasks, pad)]
        return in_parts(drawn, tasks, pad, packed=self._reused.packs)

    def _leave_if_stopped(self) -> None:
        if self._should_stop():
            raise _Stopped

    def _require_finite(self, losses: Mapping[str, float | None]) -> None:
        step = self._told.step
        for task, loss in losses.items():
            if loss is not None and not math.isfinite(loss):
                raise NotFinite(
                    f"The loss of {task} became {loss} at step {step}. Nothing was written. "
                    f"{_RATE_TOO_HIGH if step else _WEIGHTS_DAMAGED}"
                )

    def _evaluation(self, table: ParameterTable) -> Evaluation:
        setting = self._setting
        with self._clock.spending("evaluation"):
            evaluated = evaluate_whole(
                self._model,
                setting.dataset.validation,
                setting.validation.examples,
                self._spec.tasks,
                setting.pad_id,
                self._measures.watched(self._told.step),
            )
        give_back_freed_memory()
        self._metrics, self._highest = evaluated.scores, evaluated.highest
        return self._scored(table, "validation", evaluated.scores)

    def _answers(self) -> Answers:
        """What the last evaluation's scores follow from."""
        encoded, tasks = self._setting.validation.examples, self._spec.tasks
        return answers(self._highest, encoded, tasks, self._told.step, self._told.seconds())

    def _elsewhere(self, table: ParameterTable) -> Iterator[Evaluation]:
        """The scores on data that the run does not learn from, each its own split."""
        for other in self._setting.others:
            with self._clock.spending("evaluation"):
                scores = other.scores(
                    self._model, self._setting.pad_id, self._reused.whole_states_at
                )
            yield self._scored(table, other.reference, scores)

    def _scored(
        self, table: ParameterTable, split: str, scores: dict[str, TaskScore]
    ) -> Evaluation:
        self._require_finite({task: score.loss for task, score in scores.items()})
        return self._told.scored(table, split, scores)

    def _write(self, output: Path, at_start: dict[str, str]) -> None:
        """Write the model, then hold the written file against what the run started from."""
        setting, prefix = self._setting, self._setting.description.backbone.prefix
        with written_whole(output) as folder:
            write_model(folder, self._model, setting.tokenizer, self._spec, self._metrics)
            require_written(folder, at_start, prefix, setting.source, setting.loaded_heads)
