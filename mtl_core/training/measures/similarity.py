"""Similarity of a layer's outputs before and after training: linear CKA."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.models.replay import LayerReplay
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.training.batches import Batch, collate

MAX_TOKENS = 1024
"""Number of tokens whose outputs are compared. It exceeds the width of the usual encoders, because
CKA with fewer rows than columns is high whatever the rows contain."""
_BATCH_SIZE = 16


def linear_cka(one: Tensor, other: Tensor) -> float | None:
    """Linear CKA of two representations of the same items: (items, width) each; 0 to 1.

    1 means equal up to rotation, reflection and scale. None if either is constant.
    Source: Kornblith et al. 2019, section 3, in its feature-space form, on centred columns.
    """
    one, other = one - one.mean(0), other - other.mean(0)
    shared = torch.linalg.matrix_norm(other.T @ one).square()
    own = torch.linalg.matrix_norm(one.T @ one) * torch.linalg.matrix_norm(other.T @ other)
    return None if own == 0 else min(1.0, (shared / own).item())


class LayerOutputs:
    """Outputs of layers for a few fixed sentences, stored before training.

    All tokens except padding are compared, because token heads and means read all of them.
    `sentences` come from `sample_sentences`, which depends on the data alone.
    """

    def __init__(
        self, model: MultiTaskModel, sentences: Sequence[EncodedExample], lowest: int, pad_id: int
    ) -> None:
        self._model, self._lowest = model, lowest
        self._batches = [
            collate(sentences[start : start + _BATCH_SIZE], (), pad_id)
            for start in range(0, len(sentences), _BATCH_SIZE)
        ]
        self._start = self._current()

    def similarities(self) -> dict[int, float | None]:
        """Return the CKA of each layer from `lowest` on; empty for unsupported architectures."""
        now = self._current()
        return {layer: linear_cka(self._start[layer], now[layer]) for layer in self._start}

    def _current(self) -> dict[int, Tensor]:
        """Return the current outputs by layer: (tokens, width)."""
        try:
            replay = LayerReplay(self._model.backbone)
            depths = range(self._lowest + 1, replay.layers + 1)
            found = [_captured(replay, depths, batch) for batch in self._batches]
        except UnsupportedArchitecture:
            return {}
        return {depth - 1: torch.cat([each[depth] for each in found]) for depth in depths}


def _captured(replay: LayerReplay, depths: Sequence[int], batch: Batch) -> dict[int, Tensor]:
    """Return the input of each depth at all tokens except padding: (tokens, width), on the CPU."""
    ids, mask = batch.input_ids.to(replay.device), batch.attention_mask.to(replay.device)
    captured = replay.capture(depths, ids, mask)
    return {depth: hidden[mask.bool()].cpu() for depth, hidden in captured.items()}


def sample_sentences(
    examples: Sequence[EncodedExample], max_tokens: int = MAX_TOKENS
) -> tuple[EncodedExample, ...]:
    """Select the first sentences of each combination of tasks in turn, up to `max_tokens`."""
    kinds: dict[frozenset[str], list[EncodedExample]] = {}
    for each in examples:
        kinds.setdefault(frozenset(each.labels), []).append(each)
    rounds = range(max(map(len, kinds.values()), default=0))
    in_turn = (kind[n] for n in rounds for kind in kinds.values() if n < len(kind))
    chosen: list[EncodedExample] = []
    tokens = 0
    for each in in_turn:
        tokens += len(each.input_ids)
        if tokens > max_tokens and chosen:
            break
        chosen.append(each)
    return tuple(chosen)
