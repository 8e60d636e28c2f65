"""What the names in a checkpoint's weight files show without loading them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mtl_core.errors import DamagedCheckpoint
from mtl_core.models.checkpoint import Checkpoint, has_weights
from mtl_core.models.description import BackboneDescription, Role
from mtl_core.models.stored_tensors import (
    left_over,
    names_in_table,
    parts_in_words,
    refusal,
    stored_types,
)


@dataclass(frozen=True, slots=True)
class CheckpointNotes:
    """Messages about weights: why training refuses them, and what it does not read from them."""

    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def checkpoint_notes(checkpoint: Checkpoint, described: BackboneDescription) -> CheckpointNotes:
    """Compare the names in the weight files of a checkpoint with those of its encoder.

    Values are not read. Weights that transformers converts from other names are not judged. The
    description of a catalogue checkpoint is that of the published weights: without weights here,
    there is nothing to report.
    """
    if checkpoint.folder is None or not has_weights(checkpoint):
        return CheckpointNotes(remarks=() if checkpoint.entry else (_NO_WEIGHTS,))
    try:
        types = stored_types(checkpoint.folder)
    except DamagedCheckpoint as problem:
        return CheckpointNotes(problems=(f"The weights cannot be trained: {problem}",))
    prefix = described.prefix
    stored = names_in_table(types, (each.name for each in described.tensors), prefix)
    needed = [t.name for t in described.tensors if t.role is not Role.POOLER and not t.tied_to]
    found = frozenset(stored.values())
    if absent := [name for name in needed if name not in found]:
        return CheckpointNotes(remarks=(_absent(absent, needed),))
    names = [each.name for each in described.tensors]
    left = left_over(types.keys() - stored.keys(), types, names, prefix)
    refused = f"The weights cannot be trained. They have {refusal(left.encoder, names, prefix)}"
    remark = f"Not read from the weights: {parts_in_words(left.others, prefix)}."
    return CheckpointNotes(
        problems=(refused,) if left.encoder else (), remarks=(remark,) if left.others else ()
    )


def _absent(absent: Sequence[str], needed: Sequence[str]) -> str:
    return (
        f"{len(absent)} of {len(needed)} tensors of the encoder are not in the weights under their "
        f"names, {absent[0]} among them. They cannot be trained unless transformers "
        "converts them from other names."
    )


_NO_WEIGHTS = (
    "There are no weights on this machine, so everything shown follows from config.json. Whether "
    "weights fit it is checked when they are loaded."
)
