"""The rows of a word embedding that a run reads, so that AdamW need not visit all the others.

A batch reads some hundred rows of tens of thousands. A row that no batch of a run reads has no
gradient and no moments, and all that AdamW does to it is weight decay. Its gradient, its moments
and its part of the norm are left out here; the weights come out as they would otherwise.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class EmbeddingRows:
    """`weight` (vocabulary, width) as an optimiser sees it: `part`, the rows ever read.

    Before each step `take_gradient` brings the gradient over, after it `put_back` the rows.
    """

    def __init__(self, embedding: nn.Embedding, read: Iterable[int]) -> None:
        self.weight = embedding.weight
        device = self.weight.device
        self._rows = torch.tensor(sorted(set(read)), device=device)
        self._places = torch.full((embedding.num_embeddings,), -1, device=device)
        self._places[self._rows] = torch.arange(len(self._rows), device=device)
        self.part = nn.Parameter(self.weight.detach()[self._rows])
        embedding.sparse = True  # the gradient names its rows

    def take_gradient(self) -> None:
        """Move the gradient of `weight`, if it has one, to `part`.

        Raises RuntimeError for the gradient of a row that was not named.
        """
        found, self.weight.grad = self.weight.grad, None
        self.part.grad = None
        if found is not None:
            gradient = torch.zeros_like(self.part)
            places = self._places[found._indices()[0]]
            self.part.grad = gradient.index_add_(0, places, found._values())

    @torch.no_grad()
    def put_back(self, kept_share: float) -> None:
        """Take over the rows of `part`; shrink all others to `kept_share`, as weight decay does."""
        self.weight.mul_(kept_share)
        self.weight.index_copy_(0, self._rows, self.part)


def embedding_rows(
    backbone: "PreTrainedModel",
    learning: Iterable[nn.Parameter],
    sequences: Iterable[tuple[int, ...]],
    pad_id: int,
) -> EmbeddingRows | None:
    """The rows of the word embedding that these token ids and padding read.

    None where it is not among `learning` and where it is no plain lookup of its own, whose gradient
    lies in the rows read alone; on MPS too, which has no sparse gradients.
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
