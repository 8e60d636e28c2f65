"""What a run measures of itself beside its losses: what moved, and what the backbone knows.

Nothing here changes a loss: no random number that counts is drawn, and modes, flags and gradients
are as before. Where the spec does not ask to measure, nothing is kept and nothing runs.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from statistics import fmean

import torch

from mtl_core.freezing.table import Row
from mtl_core.models.description import Role
from mtl_core.models.layer_stack import evaluating
from mtl_core.tasks.alignment import EncodedExample, encode
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.evaluation import States, all_states
from mtl_core.training.events import Measured, Movement
from mtl_core.training.loaded_run import Setting
from mtl_core.training.measures.interference import Cosines, gradient_cosines
from mtl_core.training.measures.movement import (
    GradientNorms,
    StartingWeights,
    learning_names,
    moved_by_group,
)
from mtl_core.training.measures.probes import (
    TRAINING_SENTENCES,
    VALIDATION_SENTENCES,
    SeenOutputs,
    places_of,
    probe_score,
)
from mtl_core.training.measures.similarity import LayerOutputs, some_of
from mtl_core.training.prefix.plan import lowest_learning_layer
from mtl_core.training.prefix.reuse import ReusedPrefix


class RunMeasures:
    """The measures of one run; None of them where its spec does not ask.

    Evaluations run through `watched`; `begin` is called after the first, `told` after the last.
    `between` is called between parts, and may end the run by raising. `norms` takes in gradients.
    """

    def __init__(self, setting: Setting, reused: ReusedPrefix, between: Callable[[], None]) -> None:
        self._setting, self._model, self._reused = setting, setting.model, reused
        self._between, self._on = between, setting.spec.measure
        rows = [row for row in setting.tables[0].rows if row.tied_to is None]
        self._groups = {row.name: row.group for row in rows}
        self.norms = GradientNorms(self._groups.values()) if self._on else None
        self._parameters = dict(self._model.named_parameters())
        self._learning = learning_names(setting.tables, setting.steps)
        self._shared = {
            row.name: self._parameters[row.name]
            for row in rows
            if row.name in self._learning and row.role is not Role.HEAD
        }
        self._cosines: list[Cosines] = []
        self._probes: list[dict[str, float]] = []
        self._seen: SeenOutputs | None = None

    def watched(self, step: int) -> States:
        """What an evaluation at `step` reads: it is listened to at both ends of the run."""
        if not self._on or step not in (0, sum(self._setting.steps)):
            return self._reused.states_at
        if step and not self._shared:
            return self._reused.states_at  # the backbone gives what it gave at the start
        self._seen = SeenOutputs(self._probed_sentences)
        return all_states(self._model, self._seen.through(self._reused.hidden))

    def begin(self) -> None:
        """Look at the start: weights, layers' outputs, gradients, probes."""
        if not self._on:
            return
        setting = self._setting
        self._weights = StartingWeights(
            self._parameters, self._learning, setting.source, setting.description.backbone.prefix
        )
        with torch.random.fork_rng(devices=[]):
            self._between()
            self._layers = self._layer_outputs()
            self._look()

    def told(self, seconds: Callable[[], float]) -> Iterator[Measured]:
        """What came of the run, once; nothing where nothing was to be measured."""
        if not self._on:
            return
        with torch.random.fork_rng(devices=[]):
            if self._shared:
                self._look()
            groups = self._movements()
        first, last = self._probes[0], self._probes[-1]
        yield Measured(
            groups=groups,
            gradient_cosine=_mean_cosines(self._cosines),
            probes={task: (first[task], last[task]) for task in first},
            elapsed_seconds=seconds(),
        )

    def _look(self) -> None:
        """What is measured at both ends in the same way."""
        setting = self._setting
        self._between()
        self._cosines.append(
            gradient_cosines(self._model, self._shared, setting.training, setting.pad_id)
        )
        self._between()
        self._probes.append(self._probe())

    def _movements(self) -> dict[str, Movement]:
        self._between()
        moved = moved_by_group(self._parameters, self._weights, self._groups)
        norms = self.norms.means() if self.norms else {}
        self._between()
        alike = {} if self._layers is None else self._layers.alike()
        of_layer = _layer_groups(self._setting.tables[0].rows)
        return {
            group: Movement(
                moved=distance,
                gradient_norm=norms.get(group),
                cka=self._cka(of_layer[group], alike) if group in of_layer else None,
            )
            for group, distance in moved.items()
        }

    def _cka(self, layer: int, alike: Mapping[int, float | None]) -> float | None:
        """Below everything that learns the outputs are the same numbers, and need no computing."""
        return 1.0 if layer < self._lowest else alike.get(layer)

    @cached_property
    def _lowest(self) -> int:
        """The lowest layer whose outputs change in the run; the number of layers where none do."""
        setting, layers = self._setting, self._setting.description.backbone.layers
        pairs = zip(setting.tables, setting.steps, strict=True)
        return min(lowest_learning_layer(table, layers) if n else layers for table, n in pairs)

    def _layer_outputs(self) -> LayerOutputs | None:
        if not self._shared:
            return None
        sentences = some_of(self._setting.validation.examples)
        return LayerOutputs(self._model, sentences, self._lowest, self._setting.pad_id)

    def _probe(self) -> dict[str, float]:
        """Each task's probe now, on what the last evaluation gave and a few training sentences."""
        setting, seen = self._setting, self._seen
        if seen is None:
            return {}
        known, others = self._fitted
        with evaluating(self._model):
            seen.run(self._reused.hidden, known, setting.pad_id)
            seen.run(self._model.hidden, others, setting.pad_id)
        self._seen = None
        split, encoded = setting.dataset.validation, setting.validation.examples
        return {
            task.name: probe_score(
                task, seen.outputs, self._training[task.name], split, encoded, self._places(task)
            )
            for task in setting.spec.tasks
            if self._training[task.name] and self._places(task)
        }

    def _places(self, task: Task) -> tuple[int, ...]:
        return places_of(self._setting.validation.examples, task, VALIDATION_SENTENCES)

    @cached_property
    def _training(self) -> dict[str, tuple[EncodedExample, ...]]:
        """By task, the sentences that its probe is fitted to, also where it weighs nothing."""
        setting = self._setting
        limit = setting.description.backbone.max_positions
        found = {}
        for task in setting.spec.tasks:
            own = [each for each in setting.dataset.train if task.name in each.labels]
            found[task.name] = encode(
                own[:TRAINING_SENTENCES],
                setting.spec.tasks,
                setting.tokenizer,
                setting.spec.max_length,
                limit,
            ).examples
        return found

    @cached_property
    def _fitted(self) -> tuple[list[EncodedExample], list[EncodedExample]]:
        """The probes' training sentences, each once: those that the run's own forward knows whole,
        and the others, which only the model itself can answer."""
        setting = self._setting
        by_token = {task.name for task in setting.spec.tasks if task.kind is TaskKind.TOKEN}
        trained = {each.input_ids for each in setting.training}
        examples = (*setting.training, *setting.validation.examples)
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

    @cached_property
    def _probed_sentences(self) -> frozenset[tuple[int, ...]]:
        validation = self._setting.validation.examples
        scored = {
            validation[n].input_ids for t in self._setting.spec.tasks for n in self._places(t)
        }
        fitted = {each.input_ids for own in self._training.values() for each in own}
        return frozenset(scored | fitted)


def _layer_groups(rows: tuple[Row, ...]) -> dict[str, int]:
    """The groups that are layers, with their numbers."""
    return {row.group: row.layer or 0 for row in rows if row.role is Role.LAYER}


def _mean_cosines(looks: list[Cosines]) -> dict[str, float | None]:
    """The mean over both ends, by "TASK,TASK"; None where neither has one."""
    found: dict[str, float | None] = {}
    for one, other in looks[0]:
        values = [look[one, other] for look in looks]
        numbers = [value for value in values if value is not None]
        found[f"{one},{other}"] = fmean(numbers) if numbers else None
    return found
