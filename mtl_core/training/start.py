"""The initial weights of a run: from the checkpoint, from another run, or random."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mtl_core.errors import InvalidRun
from mtl_core.models.base_weights import weights_digest
from mtl_core.models.checkpoint import Checkpoint, require_weights
from mtl_core.models.description import BackboneDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.output_folder import read_spec, require_as_written
from mtl_core.training.random_streams import stream_seed
from mtl_core.training.spec import RunSpec

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from mtl_core.models.deferred import DeferredBackbone

_RANDOM = "The encoder's weights are initialised at random from the seed, not from the checkpoint."
_NOT_CHECKED = (
    "It cannot be checked whether the files of that run have changed since: an earlier version "
    "wrote them, without digests."
)


@dataclass(frozen=True)
class Start:
    """The encoder before training.

    `source` is the folder of its weight file, None for random weights. `digest` identifies the
    weights: the SHA-256 of the file, or of all random tensors. `heads` are head parameters loaded
    from the same folder; the other heads are initialised from the seed. `notes` are messages for
    the user.
    """

    backbone: "PreTrainedModel | DeferredBackbone"
    source: Path | None
    digest: str
    heads: Mapping[str, "Tensor"] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def start_folder(spec: RunSpec, checkpoint: Checkpoint, earlier: Path | None) -> Path | None:
    """Return the folder that `load_start` will read weights from; None for random weights.

    `earlier` is the model folder of the run that `spec.starts_from` names. Raises InvalidRun if it
    does not fit, MissingWeights as `require_weights` does, and DamagedCheckpoint if a file of the
    earlier run has changed since the run wrote it.
    """
    if spec.starts_from is None:
        return None if spec.random_backbone else require_weights(checkpoint)
    if spec.random_backbone:
        raise InvalidRun(
            f"A run that starts from '{spec.starts_from}' uses the weights of that run: it cannot "
            "have a random encoder too. Leave one of the two out."
        )
    before = read_spec(earlier) if earlier else None
    if earlier is None or before is None:
        raise InvalidRun(
            f"The model of run '{spec.starts_from}' is not on this machine. Run it again."
        )
    if before.checkpoint != spec.checkpoint:
        raise InvalidRun(
            f"Run '{spec.starts_from}' trained '{before.checkpoint}', this one trains "
            f"'{spec.checkpoint}'. Name the same checkpoint."
        )
    require_as_written(earlier)
    return earlier


def load_start(
    spec: RunSpec,
    tasks: Sequence[Task],
    checkpoint: Checkpoint,
    source: Path | None,
    deferred: BackboneDescription | None = None,
) -> Start:
    """Load the weights in `source`, or initialise them from the seed if it is None.

    With the description of the checkpoint's encoder as `deferred`, its modules are built only when
    a pass needs them. Raises CheckpointError.
    """
    from mtl_core.models.configuration import configuration_notes
    from mtl_core.models.load import init_backbone, load_backbone

    config = checkpoint.config_file if source is None else source / "config.json"
    notes = configuration_notes(config)
    if source is None:
        initial = init_backbone(checkpoint, stream_seed(spec.seed, "random backbone"))
        return Start(initial, None, _random_digest(initial), notes=(_RANDOM, *notes))
    if spec.starts_from is None:
        backbone = _deferred(checkpoint, source, deferred) if deferred else None
        backbone = backbone or load_backbone(checkpoint)
        return Start(backbone, source, weights_digest(source), notes=notes)
    checked = require_as_written(source)
    written = Checkpoint(
        reference=str(source), name=spec.starts_from, config_file=config, folder=source
    )
    loaded = _tasks_with_head(source, tasks, spec.sentence_vector)
    names = [f"{task.head}.{part}" for task in loaded for part in ("weight", "bias")]
    return Start(
        backbone=load_backbone(written),
        source=source,
        digest=weights_digest(source),
        heads=_tensors(source, names),
        notes=(
            _note(spec.starts_from, loaded, tasks),
            *(() if checked else (_NOT_CHECKED,)),
            *notes,
        ),
    )


def _deferred(
    checkpoint: Checkpoint, source: Path, described: BackboneDescription
) -> "DeferredBackbone | None":
    """Return the encoder's tensors; None if its files do not contain exactly them."""
    from mtl_core.models.configuration import read_architecture
    from mtl_core.models.deferred import DeferredBackbone, encoder_tensors
    from mtl_core.models.load import load_backbone
    from mtl_core.training.imports import import_training_packages

    def load() -> "PreTrainedModel":
        import_training_packages()
        return load_backbone(checkpoint)

    tensors = encoder_tensors(source, described)
    if tensors is None:
        return None
    config = read_architecture(source / "config.json")
    return DeferredBackbone(config, described.prefix, tensors, load)


def _tasks_with_head(
    source: Path, tasks: Sequence[Task], vector: SentenceVector
) -> tuple[Task, ...]:
    """Return the tasks whose head is in `source`, with the same labels in the same order.

    The head of a sentence task must have been trained on the same sentence vector.
    """
    before = read_spec(source)
    known = {_head_key(each, before.sentence_vector) for each in before.tasks} if before else set()
    return tuple(task for task in tasks if _head_key(task, vector) in known)


def _head_key(task: Task, vector: SentenceVector) -> tuple[object, ...]:
    read = vector if task.kind is TaskKind.SENTENCE else None
    return task.head, task.kind, task.outputs, read


def _tensors(source: Path, names: Sequence[str]) -> dict[str, "Tensor"]:
    from mtl_core.models.stored_tensors import all_tensors

    found = all_tensors(source)
    return {name: found[name] for name in names}


def _note(run: str, loaded: Sequence[Task], tasks: Sequence[Task]) -> str:
    old = ", ".join(task.name for task in loaded) or "none"
    new = ", ".join(task.name for task in tasks if task not in loaded) or "none"
    return f"Starts from run {run}. Heads loaded: {old}; new heads: {new}."


def _random_digest(backbone: "PreTrainedModel") -> str:
    """Return the SHA-256 over `name digest` lines of all parameters."""
    from mtl_core.training.proof import (
        digests,  # the server imports this module and never loads torch
    )

    parameters = dict(backbone.named_parameters())
    found = digests(parameters, parameters)
    lines = "".join(f"{name} {digest}\n" for name, digest in found.items())
    return hashlib.sha256(lines.encode()).hexdigest()
