"""Measures of a run beyond its losses: layer movement, gradient cosines and probes.

Measuring changes no loss: it draws no random number that training uses, and restores modes, flags
and gradients. Where the spec does not request measures, nothing is stored or computed.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from statistics import fmean

import torch

from mtl_core.freezing.table import Row
from mtl_core.models.description import Role
from mtl_core.models.layer_stack import evaluating
from mtl_core.models.matrix_products import one_thread
from mtl_core.tasks.alignment import EncodedExample, encode
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.evaluation import States, all_states
from mtl_core.training.events import Measured, Movement
from mtl_core.training.loaded_run import LoadedRun
from mtl_core.training.measures.interference import gradient_cosines
from mtl_core.training.measures.layer_probes import probes_by_layer
from mtl_core.training.measures.movement import (
    GradientNorms,
    StartingWeights,
    TensorMovement,
    learning_names,
    moved_by_group,
    peak_rates,
    tensor_movements,
    unchanged_tensors,
)
from mtl_core.training.measures.probes import (
    TRAINING_SENTENCES,
    VALIDATION_SENTENCES,
    OutputRecorder,
    Outputs,
    places_of,
    probe_score,
)
from mtl_core.training.measures.similarity import LayerOutputs, sample_sentences
from mtl_core.training.prefix.plan import lowest_learning_layer
from mtl_core.training.prefix.reuse import ReusedPrefix


class RunMeasures:
    """Computes the measures of one run, or none if its spec does not request them.

    Evaluations use the states of `states_for`. Call `begin` after the first evaluation and
    `final_event` after the last. `between` is called between parts, and may end the run by raising.
    `norms` collects gradient norms.
    """

    def __init__(
        self, loaded: LoadedRun, reused: ReusedPrefix, between: Callable[[], None]
    ) -> None:
        self._loaded, self._model, self._reused = loaded, loaded.model, reused
        self._between, self._on = between, loaded.spec.measure
        rows = [row for row in loaded.tables[0].rows if row.tied_to is None]
        self._groups = {row.name: row.group for row in rows}
        self.norms = GradientNorms(self._groups.values()) if self._on else None
        self._parameters = dict(self._model.named_parameters())
        self._learning = learning_names(loaded.tables, loaded.steps)
        self._shared = {
            row.name: self._parameters[row.name]
            for row in rows
            if row.name in self._learning and row.role is not Role.HEAD
        }
        self._probes: list[dict[str, float]] = []
        self._layer_probes: list[list[dict[str, float]]] = []
        self._recorder: OutputRecorder | None = None
        self._layers: LayerOutputs | None = None

    def records(self, step: int) -> bool:
        """Whether outputs are recorded in an evaluation at `step`: before the first step, and after
        the last if the backbone learned."""
        ends = (0, sum(self._loaded.steps)) if self._shared else (0,)
        return self._on and step in ends

    def states_for(self, step: int) -> States:
        """Return the states for an evaluation at `step`, which are recorded if `records(step)`."""
        if not self.records(step):
            return self._reused.states_at
        self._recorder = OutputRecorder(self._probed_sentences)
        return all_states(self._model, self._recorder.recording(self._reused.hidden))

    def begin(self, others: Sequence["RunMeasures"] = ()) -> None:
        """Measure the model before training, and store its weights and layer outputs.

        `others` belong to runs in which only heads learn, on the same backbone and sentences. They
        begin too: their probes use the same outputs, and runs with the same labels share them.
        """
        if not self._on:
            return
        self._start()
        with torch.random.fork_rng(devices=[]):
            self._between()
            self._layers = self._layer_outputs()
            outputs = self._measure()
            for other in others:
                other._start()
                same = other._loaded.dataset is self._loaded.dataset
                other._probes = self._probes.copy() if same else [other._scored(outputs)]

    def _start(self) -> None:
        """Store the weights before training."""
        loaded = self._loaded
        self._weights = StartingWeights(
            self._parameters, self._learning, loaded.source, loaded.description.backbone.prefix
        )

    def final_event(self, seconds: Callable[[], float]) -> Measured | None:
        """Measure the model after training and build the event; None without measures.

        `seconds` returns the time since the run started.
        """
        if not self._on:
            return None
        with torch.random.fork_rng(devices=[]):
            if self._shared:
                self._measure()
            cosines = self._gradient_cosines()
            self._between()
            moved = tensor_movements(self._parameters, self._weights)
            groups = self._movements(moved)
        first, last = self._probes[0], self._probes[-1]
        return Measured(
            groups=groups,
            unchanged=unchanged_tensors(moved, peak_rates(self._loaded.tables, self._loaded.steps)),
            gradient_cosine={pair: fmean(own) if own else None for pair, own in cosines.items()},
            gradient_cosine_range={
                pair: (min(own), max(own)) for pair, own in cosines.items() if own
            },
            probes={task: (first[task], last[task]) for task in first},
            layer_probes={
                task: tuple((before[task], after[task]) for before, after in self._ends_by_layer)
                for task in first
            }
            if self._layer_probes
            else {},
            elapsed_seconds=seconds(),
        )

    def _measure(self) -> Outputs:
        """Fit the probes to the model in its current state.

        Returns the outputs that they were fitted to.
        """
        self._between()
        outputs = self._recorded_outputs()
        self._probes.append(self._scored(outputs))
        if self._loaded.spec.probe_layers:
            probed, pad_id = self._probed_examples, self._loaded.pad_id
            self._layer_probes.append(probes_by_layer(self._model, probed, pad_id, self._scored))
        return outputs

    def _gradient_cosines(self) -> dict[str, list[float]]:
        """Return the cosine of each batch by "TASK,TASK", without those that do not exist.

        Stored outputs are read if no shared tensor that learned in the run is below them.
        """
        self._between()
        loaded, reused, model = self._loaded, self._reused, self._model
        hidden = reused.hidden if 0 < reused.depth <= self._lowest else None
        found = gradient_cosines(model, self._shared, loaded.training, loaded.pad_id, hidden)
        return {
            ",".join(pair): [each for each in cosines if each is not None]
            for pair, cosines in found.items()
        }

    def _movements(self, movements: Mapping[str, TensorMovement]) -> dict[str, Movement]:
        """Return the movement of each group, given that of the tensors that learned."""
        moved = moved_by_group(self._parameters, movements, self._groups)
        norms = self.norms.means() if self.norms else {}
        self._between()
        similarities = {} if self._layers is None else self._layers.similarities()
        of_layer = _layer_groups(self._loaded.tables[0].rows)
        return {
            group: Movement(
                moved=distance,
                gradient_norm=norms.get(group),
                cka=self._cka(of_layer[group], similarities) if group in of_layer else None,
            )
            for group, distance in moved.items()
        }

    def _cka(self, layer: int, similarities: Mapping[int, float | None]) -> float | None:
        """Return the layer's CKA, 1 below everything that learns: its outputs are the same."""
        return 1.0 if layer < self._lowest else similarities.get(layer)

    @cached_property
    def _lowest(self) -> int:
        """The lowest layer whose outputs change in the run; the number of layers if none does."""
        loaded, layers = self._loaded, self._loaded.description.backbone.layers
        pairs = zip(loaded.tables, loaded.steps, strict=True)
        return min(lowest_learning_layer(table, layers) if n else layers for table, n in pairs)

    def _layer_outputs(self) -> LayerOutputs | None:
        if not self._shared or self._lowest == self._loaded.description.backbone.layers:
            return None
        sentences = sample_sentences(self._loaded.validation.examples)
        return LayerOutputs(self._model, sentences, self._lowest, self._loaded.pad_id)

    def _recorded_outputs(self) -> Outputs:
        """Return the outputs that the last evaluation recorded, and those of training sentences."""
        loaded, recorder = self._loaded, self._recorder
        if recorder is None:
            return {}
        known, others = self._fitted
        with evaluating(self._model):
            recorder.run(self._reused.hidden, known, loaded.pad_id)
            recorder.run(self._model.hidden, others, loaded.pad_id)
        self._recorder = None
        return recorder.outputs

    def _scored(self, outputs: Outputs) -> dict[str, float]:
        """Fit and score each task's probe on these outputs; without undefined scores."""
        loaded = self._loaded
        split, encoded = loaded.dataset.validation, loaded.validation.examples
        with one_thread():
            found = {
                task.name: probe_score(
                    self._model,
                    task,
                    outputs,
                    self._training[task.name],
                    split,
                    encoded,
                    self._places(task),
                )
                for task in loaded.spec.tasks
                if outputs and self._training[task.name] and self._places(task)
            }
        return {task: score for task, score in found.items() if score is not None}

    def _places(self, task: Task) -> tuple[int, ...]:
        return places_of(self._loaded.validation.examples, task, VALIDATION_SENTENCES)

    @cached_property
    def _training(self) -> dict[str, tuple[EncodedExample, ...]]:
        """By task, the sentences that its probe is fitted to, whatever the task's weight."""
        loaded = self._loaded
        limit = loaded.description.backbone.max_positions
        found = {}
        for task in loaded.spec.tasks:
            own = [each for each in loaded.dataset.train if task.name in each.labels]
            found[task.name] = encode(
                own[:TRAINING_SENTENCES],
                loaded.spec.tasks,
                loaded.tokenizer,
                loaded.spec.max_length,
                limit,
            ).examples
        return found

    @cached_property
    def _fitted(self) -> tuple[list[EncodedExample], list[EncodedExample]]:
        """The probes' training sentences, each once, in two lists.

        The first holds those whose outputs `ReusedPrefix.hidden` returns completely, the second
        the others, for which the whole model has to run.
        """
        loaded = self._loaded
        by_token = {task.name for task in loaded.spec.tasks if task.kind is TaskKind.TOKEN}
        trained = {each.input_ids for each in loaded.training}
        examples = (*loaded.training, *loaded.validation.examples)
        whole = {each.input_ids for each in examples if not by_token.isdisjoint(each.labels)}
        probed = {
            each.input_ids: each
            for by_word in (False, True)
            for task, own in self._training.items()
            for each in own
            if (task in by_token) is by_word
        }
        known: list[EncodedExample] = []
        others: list[EncodedExample] = []
        for ids, each in probed.items():
            enough = by_token.isdisjoint(each.labels) or ids in whole
            (known if ids in trained and enough else others).append(each)
        return known, others

    @property
    def _ends_by_layer(self) -> list[tuple[dict[str, float], dict[str, float]]]:
        """By layer, the scores of the probes before and after training."""
        return list(zip(self._layer_probes[0], self._layer_probes[-1], strict=True))

    @property
    def _probed_examples(self) -> list[EncodedExample]:
        """The sentences of `_probed_sentences`, each once."""
        known, others = self._fitted
        examples = (*self._loaded.validation.examples, *known, *others)
        found = {each.input_ids: each for each in examples}
        return [each for ids, each in found.items() if ids in self._probed_sentences]

    @cached_property
    def _probed_sentences(self) -> frozenset[tuple[int, ...]]:
        validation = self._loaded.validation.examples
        scored = {validation[n].input_ids for t in self._loaded.spec.tasks for n in self._places(t)}
        fitted = {each.input_ids for own in self._training.values() for each in own}
        return frozenset(scored | fitted)


def _layer_groups(rows: tuple[Row, ...]) -> dict[str, int]:
    """Return the layer number of each group that is a layer."""
    return {row.group: row.layer or 0 for row in rows if row.role is Role.LAYER}
