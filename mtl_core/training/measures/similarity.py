"""How alike a layer's outputs are before and after training: linear CKA."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.models.replay import LayerReplay
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.training.batches import Batch, collate

MOST_TOKENS = 1024
"""Outputs of so many tokens are compared: more than the layers of the usual encoders are wide,
for CKA of fewer rows than columns is high whatever the rows hold."""
_BATCH_SIZE = 16


def linear_cka(one: Tensor, other: Tensor) -> float | None:
    """Linear CKA of two sets of vectors of the same things: (things, width) each; 0 to 1.

    1 means alike but for rotation, reflection and scale. None where either does not vary.
    Source: Kornblith et al. 2019, section 3, in its feature-space form, on centred columns.
    """
    one, other = one - one.mean(0), other - other.mean(0)
    shared = torch.linalg.matrix_norm(other.T @ one).square()
    own = torch.linalg.matrix_norm(one.T @ one) * torch.linalg.matrix_norm(other.T @ other)
    return None if own == 0 else min(1.0, (shared / own).item())


class LayerOutputs:
    """What layers give for a few fixed sentences, at the start and again.

    All tokens count but padding: sentence heads read the first, token heads the others, and a
    layer serves both. The sentences are `some_of` the split, which the data alone decides.
    """

    def __init__(
        self, model: MultiTaskModel, sentences: Sequence[EncodedExample], lowest: int, pad_id: int
    ) -> None:
        self._model, self._lowest = model, lowest
        self._batches = [
            collate(sentences[start : start + _BATCH_SIZE], (), pad_id)
            for start in range(0, len(sentences), _BATCH_SIZE)
        ]
        self._start = self._now()

    def alike(self) -> dict[int, float | None]:
        """CKA of each layer from `lowest` on with the start; empty where none can be looked at."""
        now = self._now()
        return {layer: linear_cka(self._start[layer], now[layer]) for layer in self._start}

    def _now(self) -> dict[int, Tensor]:
        """By layer: (tokens, width)."""
        try:
            replay = LayerReplay(self._model.backbone)
            depths = range(self._lowest + 1, replay.layers + 1)
            found = [_captured(replay, depths, batch) for batch in self._batches]
        except UnsupportedArchitecture:
            return {}
        return {depth - 1: torch.cat([each[depth] for each in found]) for depth in depths}


def _captured(replay: LayerReplay, depths: Sequence[int], batch: Batch) -> dict[int, Tensor]:
    """By depth, what enters it at each token that is no padding: (tokens, width), on the CPU."""
    ids, mask = batch.input_ids.to(replay.device), batch.attention_mask.to(replay.device)
    captured = replay.capture(depths, ids, mask)
    return {depth: hidden[mask.bool()].cpu() for depth, hidden in captured.items()}


def some_of(
    examples: Sequence[EncodedExample], most_tokens: int = MOST_TOKENS
) -> tuple[EncodedExample, ...]:
    """The first sentences of each kind in turn, as far as they hold at most so many tokens."""
    kinds: dict[frozenset[str], list[EncodedExample]] = {}
    for each in examples:
        kinds.setdefault(frozenset(each.labels), []).append(each)
    rounds = range(max(map(len, kinds.values()), default=0))
    in_turn = (kind[n] for n in rounds for kind in kinds.values() if n < len(kind))
    chosen: list[EncodedExample] = []
    tokens = 0
    for each in in_turn:
        tokens += len(each.input_ids)
        if tokens > most_tokens and chosen:
            break
        chosen.append(each)
    return tuple(chosen)
