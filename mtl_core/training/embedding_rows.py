"""Restricts the word embedding to the rows that a run reads, so that AdamW skips all others.

A batch reads a few hundred of tens of thousands of rows. A row that no batch reads has no gradient
and no moments, and AdamW applies only weight decay to it. Gradient and moments exist for the rows
read alone. The weight decay of all other rows is collected over several steps and applied at once;
the resulting weights are the same, up to the rounding of one product.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class EmbeddingRows:
    """`weight` (vocabulary, width), with the parameter `part` for the rows that are read.

    The optimiser updates `part`. Call `take_gradient` before each step and `write_back` after it,
    and `decay_unread_rows` before anything but a training step reads `weight`.
    """

    def __init__(self, embedding: nn.Embedding, read: Iterable[int]) -> None:
        self.weight = embedding.weight
        device = self.weight.device
        self._rows = torch.tensor(sorted(set(read)), device=device)
        self._places = torch.full((embedding.num_embeddings,), -1, device=device)
        self._places[self._rows] = torch.arange(len(self._rows), device=device)
        self.part = nn.Parameter(self.weight.detach()[self._rows])
        self.pending_decay = 1.0
        embedding.sparse = True  # a sparse gradient lists its rows

    def take_gradient(self) -> None:
        """Move the gradient of `weight`, if it has one, to `part`.

        Raises RuntimeError for the gradient of a row that is not in `part`.
        """
        found, self.weight.grad = self.weight.grad, None
        self.part.grad = None
        if found is not None:
            gradient = torch.zeros_like(self.part)
            places = self._places[found._indices()[0]]
            self.part.grad = gradient.index_add_(0, places, found._values())

    @torch.no_grad()
    def write_back(self, decay_factor: float) -> None:
        """Copy the rows of `part`. All others are to be multiplied by `decay_factor`."""
        self.pending_decay *= decay_factor
        self.weight.index_copy_(0, self._rows, self.part)

    @torch.no_grad()
    def decay_unread_rows(self) -> None:
        """Multiply the rows that are not in `part` by their decay factors since the last call."""
        if self.pending_decay != 1.0:
            self.weight.mul_(self.pending_decay)
            self.weight.index_copy_(0, self._rows, self.part)
            self.pending_decay = 1.0

    @torch.no_grad()
    def read_weight(self, pending_decay: float) -> None:
        """Take the rows of `part` from `weight`, whose other rows lack `pending_decay`."""
        self.part.copy_(self.weight[self._rows])
        self.pending_decay = pending_decay


def embedding_rows(
    backbone: "PreTrainedModel",
    learning: Iterable[nn.Parameter],
    sequences: Iterable[tuple[int, ...]],
    pad_id: int,
) -> EmbeddingRows | None:
    """Return the rows of the word embedding that these token ids and padding read.

    None if the embedding does not learn, if it is tied or not a plain lookup (its gradient then
    covers other rows), and on MPS, which has no sparse gradients.
    """
    embedding = backbone.get_input_embeddings()
    if backbone.device.type == "mps" or all(each is not embedding.weight for each in learning):
        return None
    if type(embedding) is not nn.Embedding or embedding.max_norm or embedding.scale_grad_by_freq:
        return None
    owners = [m for m in backbone.modules() if any(p is embedding.weight for p in _own(m))]
    if owners != [embedding]:
        return None
    read: set[int] = {pad_id}.union(*sequences)
    return EmbeddingRows(embedding, read)


def _own(module: nn.Module) -> Iterable[nn.Parameter]:
    return module.parameters(recurse=False)
