"""The weights a run begins with: the checkpoint's own, another run's, or drawn from the seed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mtl_core.errors import InvalidRun
from mtl_core.models.checkpoint import Checkpoint, require_weights, weights_digest
from mtl_core.tasks.task import Task
from mtl_core.training.folder import WEIGHTS, spec_written
from mtl_core.training.seeds import stream_seed
from mtl_core.training.spec import RunSpec

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_DRAWN = (
    "The encoder's weights are random, drawn from the seed: nothing that the checkpoint learned "
    "is in them."
)


@dataclass(frozen=True)
class Start:
    """The encoder before training.

    `source` is the folder whose weight file its tensors come from, None where they were drawn.
    `digest` names the weights: the file's SHA-256, or one over every tensor that was drawn.
    `heads` are parameters of heads that come from there too; all others are drawn anew. `notes`
    are what the user should know.
    """

    backbone: "PreTrainedModel"
    source: Path | None
    digest: str
    heads: Mapping[str, "Tensor"] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def start_folder(spec: RunSpec, checkpoint: Checkpoint, earlier: Path | None) -> Path | None:
    """The folder that `load_start` will read weights from; None where they are drawn.

    `earlier` is what the run that `spec` starts from wrote. Raises InvalidRun where that does not
    fit, and what `require_weights` raises.
    """
    if spec.starts_from is None:
        return None if spec.random_backbone else require_weights(checkpoint)
    if spec.random_backbone:
        raise InvalidRun(
            f"A run that goes on from '{spec.starts_from}' has its weights from there: it cannot "
            "have a random encoder too. Leave one of the two out."
        )
    before = spec_written(earlier) if earlier else None
    if earlier is None or before is None:
        raise InvalidRun(f"The model of run '{spec.starts_from}' is not here. Run it again.")
    if before.checkpoint != spec.checkpoint:
        raise InvalidRun(
            f"Run '{spec.starts_from}' trained '{before.checkpoint}', this one is to train "
            f"'{spec.checkpoint}'. Name the same checkpoint."
        )
    return earlier


def load_start(
    spec: RunSpec, tasks: Sequence[Task], checkpoint: Checkpoint, source: Path | None
) -> Start:
    """Load what `start_folder` found, or draw weights from the seed. Raises CheckpointError."""
    from mtl_core.models.load import init_backbone, load_backbone

    if source is None:
        drawn = init_backbone(checkpoint, stream_seed(spec.seed, "random backbone"))
        return Start(drawn, None, _drawn_digest(drawn), notes=(_DRAWN,))
    if spec.starts_from is None:
        return Start(load_backbone(checkpoint), source, weights_digest(source))
    config = source / "config.json"
    written = Checkpoint(
        reference=str(source), name=spec.starts_from, config_file=config, folder=source
    )
    taken = _heads_kept(source, tasks)
    names = [f"{task.head}.{part}" for task in taken for part in ("weight", "bias")]
    return Start(
        backbone=load_backbone(written),
        source=source,
        digest=weights_digest(source),
        heads=_tensors(source, names),
        notes=(_goes_on(spec.starts_from, taken, tasks),),
    )


def _heads_kept(source: Path, tasks: Sequence[Task]) -> tuple[Task, ...]:
    """The tasks whose head was there already, with the same labels in the same order."""
    before = spec_written(source)
    known = {(each.head, each.kind, each.outputs) for each in (before.tasks if before else ())}
    return tuple(task for task in tasks if (task.head, task.kind, task.outputs) in known)


def _tensors(source: Path, names: Sequence[str]) -> dict[str, "Tensor"]:
    from safetensors import safe_open

    with safe_open(source / WEIGHTS, framework="pt") as tensors:
        return {name: tensors.get_tensor(name) for name in names}


def _goes_on(run: str, taken: Sequence[Task], tasks: Sequence[Task]) -> str:
    kept = ", ".join(task.name for task in taken) or "none"
    anew = ", ".join(task.name for task in tasks if task not in taken) or "none"
    return f"Goes on from run {run}. Heads taken over: {kept}; drawn anew: {anew}."


def _drawn_digest(backbone: "PreTrainedModel") -> str:
    """SHA-256 over `name digest` lines of all parameters."""
    from mtl_core.training.proof import digests  # brings torch, which the server does without

    parameters = dict(backbone.named_parameters())
    found = digests(parameters, parameters)
    lines = "".join(f"{name} {digest}\n" for name, digest in found.items())
    return hashlib.sha256(lines.encode()).hexdigest()
