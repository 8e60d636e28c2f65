"""Which layers' outputs never change in a phase, and whether storing them pays off."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING

from mtl_core.errors import BadInput
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import ABOVE_LAYERS, Role
from mtl_core.training.phases import learning_steps, phase_steps, steps_per_epoch
from mtl_core.training.spec import RunSpec

if TYPE_CHECKING:  # the server imports this module and never loads torch
    from mtl_core.training.loaded_run import LoadedRun

NOTHING_LEARNS = "nothing is trained in this phase, so there is no step to save"
NOTHING_BELOW = "a tensor in or below the lowest layer is trained"
TOO_SHORT = (
    "the phase is too short: storing would process more sentences than its steps and evaluations do"
)

_SAME = (
    "checkpoint",
    "data",
    "examples",
    "resample",
    "max_length",
    "device",
    "threads",
    "starts_from",
    "sentence_vector",
)


@dataclass(frozen=True, slots=True)
class PhasePrefix:
    """What a phase may reuse.

    `depth` is the number of lowest layers that do not learn, with the embeddings; the number of
    all layers if only heads learn. None: nothing is reused, for `reason`. `original`: whether
    these layers still have the checkpoint's weights.
    """

    depth: int | None
    original: bool = True
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ReadSentences:
    """The numbers of sentences of a run, whose outputs are stored; an epoch has `per_epoch` steps.

    The validation sentences are read before training, `evaluations` times in each epoch and at the
    end of a phase, the test sentences before and after training.
    """

    training: int
    validation: int
    test: int
    per_epoch: int
    evaluations: int = 1

    @property
    def every(self) -> int:
        """The number of sentences that storing processes."""
        return self.training + self.validation + self.test

    def without_storing(self, steps: int, is_first: bool, is_last: bool) -> Fraction:
        """How many sentences the steps and evaluations of a phase process."""
        at_start = self.validation + self.test if is_first else 0
        at_end = self.test if is_last else 0
        epochs = Fraction(steps, self.per_epoch)
        evaluations = ceil(epochs * min(self.evaluations, self.per_epoch))
        return at_start + epochs * self.training + evaluations * self.validation + at_end


def phase_prefixes(
    tables: Sequence[ParameterTable], steps: Sequence[int], layers: int, read: ReadSentences
) -> tuple[PhasePrefix, ...]:
    """Decide what each phase may reuse, from the plan alone and not from what is already stored.

    `steps` are each phase's optimiser steps. `layers` counts the layers with weights of their own.
    Storing pays off if it processes fewer sentences than the steps and evaluations that use the
    outputs. If an earlier phase trained a layer below the boundary, the phase needs separate
    outputs. The checkpoint's outputs serve all other phases together.
    """
    boundaries = [lowest_learning_layer(table, layers) for table in tables]
    moved = [b if count else layers for b, count in zip(boundaries, steps, strict=True)]
    untouched = list(accumulate((layers, *moved[:-1]), min))
    original = [b <= u for b, u in zip(boundaries, untouched, strict=True)]
    processed = [
        read.without_storing(count, number == 0, number == len(steps) - 1) if count else Fraction()
        for number, count in enumerate(steps)
    ]
    by_all = sum(p for b, o, p in zip(boundaries, original, processed, strict=True) if o and b > 0)

    def choose(boundary: int, is_original: bool, count: int, own: Fraction) -> PhasePrefix:
        if count == 0:
            return PhasePrefix(None, reason=NOTHING_LEARNS)
        if boundary == 0:
            return PhasePrefix(None, reason=NOTHING_BELOW)
        pays = by_all >= read.every if is_original else own > read.every
        if not pays:
            return PhasePrefix(None, is_original, TOO_SHORT)
        return PhasePrefix(boundary, is_original)

    return tuple(map(choose, boundaries, original, steps, processed))


def read_sentences(loaded: "LoadedRun") -> ReadSentences:
    """Return the numbers of sentences of a loaded run."""
    validation, test = len(loaded.validation.examples), len(loaded.test.examples)
    per_epoch, often = loaded.steps_per_epoch, loaded.spec.evaluations_per_epoch
    return ReadSentences(len(loaded.training), validation, test, per_epoch, often)


def lowest_learning_layer(table: ParameterTable, layers: int) -> int:
    """Return the lowest layer with a trained tensor, or `layers` if all of them are above.

    Heads and the pooler are above the layers. Other tensors outside the layers count as layer 0,
    which may read them (relative positions, say).
    """
    lowest = layers
    for row in table.rows:
        if row.state is State.TRAINABLE and row.role not in ABOVE_LAYERS:
            lowest = min(lowest, (row.layer or 0) if row.role is Role.LAYER else 0)
    return lowest


def depths_read_by(others: Iterable[RunSpec], loaded: "LoadedRun") -> frozenset[int]:
    """Return the depths at which `others` will read the checkpoint's outputs of the same sentences.

    Their plans decide. A run on other sentences or weights, or without reuse, reads none.
    """
    spec = loaded.spec
    if spec.random_backbone or not spec.reuses_prefix:
        return frozenset()
    plans = {
        (
            each.plan.model_dump_json(),
            each.epochs,
            each.batch_size,
            each.evaluations_per_epoch,
        ): each
        for each in others
        if _reads_the_same(spec, each)
    }
    return frozenset(depth for each in plans.values() for depth in _depths(loaded, each))


def _reads_the_same(spec: RunSpec, other: RunSpec) -> bool:
    return (
        all(getattr(spec, name) == getattr(other, name) for name in _SAME)
        and other.reuses_prefix
        and not other.random_backbone
        and (not spec.resample or spec.seed == other.seed)
        and spec.plan.task_weights == other.plan.task_weights
    )


def _depths(loaded: "LoadedRun", other: RunSpec) -> set[int]:
    tables = parameter_tables(other.plan, loaded.description)
    per_epoch = steps_per_epoch(len(loaded.training), other.batch_size)
    try:
        steps = learning_steps(tables, phase_steps(other, per_epoch))
    except BadInput:  # that run will report it
        return set()
    layers = loaded.description.backbone.layers
    often = other.evaluations_per_epoch
    read = replace(read_sentences(loaded), per_epoch=per_epoch, evaluations=often)
    choices = phase_prefixes(tables, steps, layers, read)
    return {each.depth for each in choices if each.original and each.depth is not None}
