"""Loads what a run needs: model, data and tokenizer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

from mtl_core import __version__
from mtl_core.errors import InvalidRun
from mtl_core.file_access import ANY_FILE, FileAccess
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.cache import catalogue_description
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import BackboneDescription, ModelDescription, Role
from mtl_core.models.gradient_checkpointing import use_gradient_checkpointing
from mtl_core.models.matrix_products import processor_name
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.nearest import quoted
from mtl_core.tasks.alignment import (
    EncodedExample,
    EncodedSplit,
    encode_labellings,
    losses_in_words,
)
from mtl_core.tasks.data_notes import data_notes
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.tasks.example import Example
from mtl_core.tasks.task import TaskKind
from mtl_core.training.device import resolve_device
from mtl_core.training.events import Counts
from mtl_core.training.label_noise import with_label_noise
from mtl_core.training.other_data import OtherData, load_other_data
from mtl_core.training.phases import evaluated_after, learning_steps, phase_steps, steps_per_epoch
from mtl_core.training.resampling import resampled, subset_draw
from mtl_core.training.spec import RunSpec
from mtl_core.training.start import Start, load_start, start_folder
from mtl_core.training.starting import Stage, Stages

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy")

Noisy = tuple[Dataset, tuple[str, ...]]
"""Data with label noise, and the notes about it."""


@dataclass(frozen=True)
class LoadedRun:
    """A run's model, data and plan, loaded and checked against each other.

    `spec` includes digests, versions and processor. `checkpoint` is the one that it names. `source`
    is the folder of the weights, None for random ones. `training` are the encoded examples that
    have a label with a positive task weight. `steps` are each phase's optimiser steps. `notes` are
    messages for the user. `others` are the data that are only evaluated. `loaded_heads` are the
    head parameters that were loaded.
    """

    spec: RunSpec
    checkpoint: Checkpoint
    source: Path | None
    model: MultiTaskModel
    tokenizer: Any
    description: ModelDescription
    tables: tuple[ParameterTable, ...]
    dataset: Dataset
    training: tuple[EncodedExample, ...]
    validation: EncodedSplit
    test: EncodedSplit
    steps: tuple[int, ...]
    steps_per_epoch: int
    notes: tuple[str, ...]
    others: tuple[OtherData, ...] = ()
    loaded_heads: frozenset[str] = frozenset()

    @property
    def encoded_splits(self) -> dict[str, tuple[tuple[Example, ...], tuple[EncodedExample, ...]]]:
        """The examples that are evaluated, and their encodings, by split."""
        found = {"validation": (self.dataset.validation, self.validation.examples)}
        if self.dataset.test:
            found["test"] = (self.dataset.test, self.test.examples)
        return found

    @property
    def judged_on(self) -> dict[str, str]:
        """The split whose scores compare plans, by task."""
        return {task.name: self.dataset.judged_split(task.name) for task in self.spec.tasks}

    @property
    def evaluated(self) -> tuple[EncodedExample, ...]:
        """The encoded examples of all splits that are evaluated."""
        return (*self.validation.examples, *self.test.examples)

    def is_evaluated_after(self, step: int) -> bool:
        """Whether the spec requests an evaluation after `step` of the run."""
        return evaluated_after(step, self.steps_per_epoch, self.spec.evaluations_per_epoch)

    @property
    def pad_id(self) -> int:
        """The token id of padding, 0 if the tokenizer has none; padding is always masked."""
        return int(self.tokenizer.pad_token_id or 0)

    @property
    def totals(self) -> Counts:
        """Number of parameters by state in the first phase."""
        found = self.tables[0].totals
        return Counts(
            all=found.all,
            trainable=found.trainable,
            frozen=found.frozen,
            unreached=found.unreached,
        )

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of labelled sentences by task and split.

        Data that are only evaluated are a split named by their reference.
        """
        found = self.dataset.counts()
        for other in self.others:
            for task, count in other.counts.items():
                found[task][other.reference] = count
        return found


def load_run(
    spec: RunSpec,
    access: FileAccess = ANY_FILE,
    earlier: Path | None = None,
    stages: Stages | None = None,
) -> LoadedRun:
    """Load everything that `spec` names; the cheapest checks come first.

    `access` defines which files may be read, `earlier` is the model folder of the run that the
    spec starts from, `stages` reports what is being loaded. Raises BadInput for a missing device or
    missing weights, unreadable data, a plan that does not fit the model, a phase shorter than one
    step, and weights or data whose digests differ from those in the spec.
    """
    return load_runs((spec,), access, earlier, stages)[0]


def load_runs(
    specs: Sequence[RunSpec],
    access: FileAccess = ANY_FILE,
    earlier: Path | None = None,
    stages: Stages | None = None,
) -> tuple[LoadedRun, ...]:
    """As `load_run`, for runs that differ only in seed, learning rates and label noise.

    Everything that does not depend on these is loaded once and shared, the backbone included; each
    run has heads of its own. With several runs, each spec records that they are trained together.
    """
    from mtl_core.models.load import load_tokenizer

    spec, stages = specs[0], stages or Stages()
    stages.begin(Stage.DATA)
    device = resolve_device(spec.device)
    checkpoint = resolve_checkpoint(spec.checkpoint, access)
    source = start_folder(spec, checkpoint, earlier)
    dataset, drawn = _drawn_data(spec, access)
    noisy = [_with_noise(dataset, each) for each in specs]
    description = ModelDescription(_described(checkpoint), dataset.tasks, spec.sentence_vector)
    tables = [parameter_tables(each.plan, description) for each in specs]
    tokenizer = load_tokenizer(checkpoint)
    limit = description.backbone.max_positions

    def encoded(*labellings: Sequence[Example]) -> list[EncodedSplit]:
        return encode_labellings(labellings, dataset.tasks, tokenizer, spec.max_length, limit)

    training = {id(data): data.train for data, _ in noisy}
    splits = dict(zip(training, encoded(*training.values()), strict=True))
    validation, test = encoded(dataset.validation)[0], encoded(dataset.test)[0]
    others = load_other_data(spec, dataset.tasks, tokenizer, limit, access)
    stages.begin(Stage.ENCODER)
    shared = _Shared(
        device=device,
        checkpoint=checkpoint,
        source=source,
        tokenizer=tokenizer,
        description=description,
        training=splits,
        validation=validation,
        test=test,
        others=others,
        start=load_start(
            spec,
            dataset.tasks,
            checkpoint,
            source,
            deferred=description.backbone if _may_defer(specs, checkpoint, tables) else None,
        ),
        notes=drawn,
        runs=len(specs),
    )
    return tuple(map(shared.loaded, specs, noisy, tables))


@dataclass(frozen=True)
class _Shared:
    """What `runs` runs share. `training` has the encoded examples by the identity of their data.

    `notes` are messages about the data.
    """

    device: str
    checkpoint: Checkpoint
    source: Path | None
    tokenizer: Any
    description: ModelDescription
    training: Mapping[int, EncodedSplit]
    validation: EncodedSplit
    test: EncodedSplit
    others: tuple[OtherData, ...]
    start: Start
    notes: tuple[str, ...]
    runs: int

    def loaded(self, spec: RunSpec, noisy: Noisy, tables: tuple[ParameterTable, ...]) -> LoadedRun:
        """Build one run. Raises InvalidRun as `load_run` does."""
        dataset, noise = noisy
        encoded = self.training[id(dataset)]
        examples = _contributing(encoded.examples, spec.plan.task_weights)
        per_epoch = steps_per_epoch(len(examples), spec.batch_size)
        filled = _filled(spec, self.start.digest, dataset, self.others, self.runs)
        model = MultiTaskModel(
            self.start.backbone,
            dataset.tasks,
            spec.seed,
            spec.head_dropout,
            spec.sentence_vector,
        )
        model.load_state_dict(self.start.heads, strict=False)
        model.settle(spec.max_length)
        if spec.gradient_checkpointing and model.has_built_backbone:
            use_gradient_checkpointing(model.backbone)
        return LoadedRun(
            spec=filled,
            checkpoint=self.checkpoint,
            source=self.source,
            model=model.to(self.device),
            tokenizer=self.tokenizer,
            description=self.description,
            tables=tables,
            dataset=dataset,
            training=examples,
            validation=self.validation,
            test=self.test,
            steps=learning_steps(tables, phase_steps(spec, per_epoch)),
            steps_per_epoch=per_epoch,
            notes=(
                *self.start.notes,
                *self.notes,
                *noise,
                *_notes(tables, encoded, self.validation, self.test),
                *_first_token_notes(spec, dataset, encoded),
                *_padding_notes(model),
                *(note for other in self.others for note in other.notes),
                *_together(self.runs),
                *data_notes(dataset),
            ),
            others=self.others,
            loaded_heads=frozenset(self.start.heads),
        )


def _may_defer(
    specs: Sequence[RunSpec], checkpoint: Checkpoint, tables: Sequence[tuple[ParameterTable, ...]]
) -> bool:
    """Whether a run may need no pass through the encoder: one run in which only heads learn.

    The checkpoint is of the catalogue; any other one was just loaded to describe it.
    """
    (spec, *others), rows = specs, (row for each in tables for table in each for row in table.rows)
    return (
        not others
        and checkpoint.entry is not None
        and spec.sentence_vector is not SentenceVector.POOLER  # a module of the encoder
        and (spec.device, spec.reuses_prefix, spec.starts_from) == ("cpu", True, None)
        and all(row.role is Role.HEAD for row in rows if row.state is State.TRAINABLE)
    )


def _drawn_data(spec: RunSpec, access: FileAccess) -> tuple[Dataset, tuple[str, ...]]:
    """Return a run's data and the note about drawn training sentences. Raises InvalidRun."""
    dataset = load_dataset(spec.data, access, spec.examples, subset_draw(spec))
    recorded = dataset.as_recorded(spec.data_digests)
    if recorded is None:
        raise InvalidRun(f"The files of '{spec.data}' have changed since this run was defined.")
    return resampled(recorded, spec)


def _with_noise(dataset: Dataset, spec: RunSpec) -> Noisy:
    """Return the data with the run's label noise and its notes; the same data without noise."""
    noisy, notes = with_label_noise(dataset, spec.label_noise, spec.seed)
    return (noisy, notes) if any(spec.label_noise.values()) else (dataset, ())


def _together(runs: int) -> tuple[str, ...]:
    if runs < 2:
        return ()
    return (
        f"Trained together with {runs - 1} other run{'s' if runs > 2 else ''} of the comparison: "
        f"seconds and memory are those of all {runs} runs.",
    )


def _described(checkpoint: Checkpoint) -> BackboneDescription:
    """Return the shipped description of a catalogue checkpoint; describe any other one."""
    if checkpoint.entry is not None:
        return catalogue_description(checkpoint.entry)
    from mtl_core.models.describe import describe

    return describe(checkpoint)


def _contributing(
    examples: tuple[EncodedExample, ...], weights: Mapping[str, float]
) -> tuple[EncodedExample, ...]:
    """Select the examples with a label of a task whose weight is positive."""
    return tuple(e for e in examples if any(weights.get(task, 1.0) > 0 for task in e.labels))


def _filled(
    spec: RunSpec, found: str, dataset: Dataset, others: Sequence[OtherData], runs: int
) -> RunSpec:
    """Fill digests, versions, processor and the number of `runs` trained together into the spec.

    Raises InvalidRun if it has other digests.
    """
    if spec.weights_digest not in (None, found):
        raise InvalidRun(
            f"This run requires other weights of '{spec.checkpoint}' ({spec.weights_digest}) "
            f"than those on this machine ({found})."
        )
    other_digests = {
        f"{other.reference}: {name}": digest
        for other in others
        for name, digest in other.digests.items()
    }
    if spec.other_data_digests not in ({}, other_digests):
        raise InvalidRun(
            f"The files of {quoted(spec.also_evaluate)} have changed since this run was defined."
        )
    versions = {"freeze-lab": __version__, "python": python_version()}
    return spec.model_copy(
        update={
            "tasks": dataset.tasks,
            "weights_digest": found,
            "data_name": dataset.name,
            "data_digests": dict(dataset.digests),
            "other_data_digests": other_digests,
            "versions": versions | {package: version(package) for package in PACKAGES},
            "processor": processor_name(),
            "trained_together": runs if runs > 1 else None,
        }
    )


def _notes(
    tables: tuple[ParameterTable, ...],
    training: EncodedSplit,
    validation: EncodedSplit,
    test: EncodedSplit,
) -> tuple[str, ...]:
    notes: list[str] = []
    if not any(table.totals.trainable for table in tables):
        notes.append("Nothing is trained: this run only evaluates the untrained model.")
    splits = (("training", training), ("validation", validation), ("test", test))
    for split, encoded in splits:
        notes += losses_in_words(encoded, f"the {split} data")
    return tuple(notes)


def _padding_notes(model: MultiTaskModel) -> tuple[str, ...]:
    """A note for an encoder in which a sentence depends on its batch."""
    if model.padding_problem is None:
        return ()
    return (f"{model.padding_problem}: sentences of each length are computed apart, unpadded.",)


def _first_token_notes(spec: RunSpec, dataset: Dataset, training: EncodedSplit) -> tuple[str, ...]:
    """A note for sentence heads that read a word where others read a special token."""
    reads_first = spec.sentence_vector is not SentenceVector.MEAN
    if not (reads_first and training.first_tokens_of_words):
        return ()
    return tuple(
        f"{task.name}: the tokenizer puts no special token first, so the sentence vector "
        f"({spec.sentence_vector.words}) is that of the first word."
        for task in dataset.tasks
        if task.kind is TaskKind.SENTENCE
    )
