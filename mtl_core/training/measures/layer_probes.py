"""Linear probes on the outputs of every layer: where in the encoder a task is encoded."""

from collections.abc import Callable, Iterable, Sequence

from torch import Tensor

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.models.replay import LayerReplay
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.training.batches import collate
from mtl_core.training.measures.probes import Outputs

_BATCH_SIZE = 16

ByTask = dict[str, float]
"""The score of each task's probe."""


def probes_by_layer(
    model: MultiTaskModel,
    sentences: Iterable[EncodedExample],
    pad_id: int,
    scored: Callable[[Outputs], ByTask],
) -> list[ByTask]:
    """Score the probes on each layer's outputs for `sentences`, from the first layer to the last.

    `scored` fits and scores the probes of all tasks on the outputs of one layer. The probes are
    those of `probes`. Empty for an architecture whose layers cannot be captured.
    """
    try:
        replay = LayerReplay(model.backbone)
        outputs = _outputs_by_layer(replay, list(sentences), pad_id)
    except UnsupportedArchitecture:
        return []
    return [scored(each) for each in outputs]


def _outputs_by_layer(
    replay: LayerReplay, sentences: Sequence[EncodedExample], pad_id: int
) -> list[dict[tuple[int, ...], Tensor]]:
    depths = range(1, replay.layers + 1)
    found: list[dict[tuple[int, ...], Tensor]] = [{} for _ in depths]
    for start in range(0, len(sentences), _BATCH_SIZE):
        batch = collate(sentences[start : start + _BATCH_SIZE], (), pad_id)
        ids, mask = batch.input_ids.to(replay.device), batch.attention_mask.to(replay.device)
        captured = replay.capture(depths, ids, mask)
        for row, length in enumerate(batch.attention_mask.sum(1).tolist()):
            sentence = tuple(batch.input_ids[row, :length].tolist())
            for of_layer, depth in zip(found, depths, strict=True):
                of_layer[sentence] = captured[depth][row, :length].cpu().clone()
    return found
