"""The weights a run begins with: the checkpoint's own, or drawn from the seed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtl_core.models.checkpoint import Checkpoint, require_weights, weights_digest
from mtl_core.training.proof import digests
from mtl_core.training.seeds import stream_seed
from mtl_core.training.spec import RunSpec

if TYPE_CHECKING:
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
    `notes` are what the user should know.
    """

    backbone: "PreTrainedModel"
    source: Path | None
    digest: str
    notes: tuple[str, ...] = ()


def start_folder(spec: RunSpec, checkpoint: Checkpoint) -> Path | None:
    """The folder that `load_start` will read weights from; None where they are drawn.

    Raises what `require_weights` raises.
    """
    return None if spec.random_backbone else require_weights(checkpoint)


def load_start(spec: RunSpec, checkpoint: Checkpoint, source: Path | None) -> Start:
    """Load what `start_folder` found, or draw weights from the seed. Raises CheckpointError."""
    from mtl_core.models.load import draw_backbone, load_backbone

    if source is None:
        drawn = draw_backbone(checkpoint, stream_seed(spec.seed, "random backbone"))
        return Start(drawn, None, _drawn_digest(drawn), (_DRAWN,))
    return Start(load_backbone(checkpoint), source, weights_digest(source))


def _drawn_digest(backbone: "PreTrainedModel") -> str:
    """SHA-256 over `name digest` lines of all parameters."""
    parameters = dict(backbone.named_parameters())
    found = digests(parameters, parameters)
    lines = "".join(f"{name} {digest}\n" for name, digest in found.items())
    return hashlib.sha256(lines.encode()).hexdigest()
