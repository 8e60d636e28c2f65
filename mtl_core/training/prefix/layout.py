"""The order in which outputs of sentences are stored, and how a batch looks them up."""

import hashlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from mtl_core.models.pooling import means as mean_states
from mtl_core.training.batches import fill_batches
from mtl_core.training.prefix.store import StoredRows


@dataclass(frozen=True)
class Layout:
    """Which outputs are stored: the first `counts` tokens of each sentence, from row `starts` on.

    `rows` is the total number of rows; `digest` identifies the layout. With `means`, the only row
    of a sentence is the mean of its tokens.
    """

    starts: Tensor
    counts: Tensor
    rows: int
    digest: str
    means: bool = False

    @classmethod
    def of(cls, counts: Sequence[int], *, means: bool = False) -> "Layout":
        """Create the layout that stores one sentence after the other."""
        ends = list(accumulate(counts, initial=0))
        text = ",".join(map(str, counts)) + (" means" if means else "")
        digest = hashlib.sha256(text.encode()).hexdigest()
        return cls(torch.tensor(ends[:-1]), torch.tensor(counts), ends[-1], digest, means)


class Sentences:
    """Distinct token sequences, shortest first.

    Order and batches depend on the sequences alone, not on seed, scenario, labels or input order.
    `digest` identifies them by their content. Layers read every token, so the layout `entire`
    stores all. Heads read one vector of the sentences in `one_vector`, so the layout `for_heads`
    stores one row of them: the first token, or with `means` the mean of all tokens.
    """

    def __init__(
        self,
        sequences: Iterable[tuple[int, ...]],
        pad_id: int,
        one_vector: Collection[tuple[int, ...]] = (),
        *,
        means: bool = False,
    ) -> None:
        self._sequences = sorted(set(sequences), key=lambda ids: (len(ids), ids))
        self._pad_id = pad_id
        self._batches = tuple(fill_batches([len(ids) for ids in self._sequences]))
        short = frozenset(one_vector)
        self.entire = Layout.of([len(ids) for ids in self._sequences])
        counts = [1 if ids in short else len(ids) for ids in self._sequences]
        self.for_heads = Layout.of(counts, means=means and bool(short))
        packed = [array("q", ids).tobytes() for ids in self._sequences]  # the bytes of an int64 row
        self._places = {ids: place for place, ids in enumerate(packed)}
        lengths = ",".join(str(len(ids)) for ids in self._sequences)
        self.digest = hashlib.sha256(
            f"{pad_id} {lengths}\n".encode() + b"".join(packed)
        ).hexdigest()

    def __len__(self) -> int:
        return len(self._sequences)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield token ids and attention mask of each fixed batch: (batch, tokens)."""
        yield from map(self._padded, self._batches)

    def middle_batch(self) -> tuple[Tensor, Tensor]:
        """Return the fixed batch of median length, the sample for checks of stored outputs."""
        return self._padded(self._batches[len(self._batches) // 2])

    def mixed_batch(self, count: int) -> tuple[Tensor, Tensor]:
        """Return about `count` sequences from shortest to longest: a batch with much padding."""
        step = max(1, (len(self) - 1) // (count - 1))
        return self._padded(range(len(self) - 1, -1, -step))

    def gather(
        self, outputs: StoredRows, layout: Layout, input_ids: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """Look up the stored outputs of a batch: (batch, tokens, hidden) from (rows, hidden).

        Tokens that are not stored, including padding, repeat the last stored one; their values
        are never used. Raises KeyError for an unknown sequence.
        """
        places = self._places_of(input_ids, attention_mask)
        within = torch.arange(input_ids.shape[1]).minimum(layout.counts[places][:, None] - 1)
        index = (layout.starts[places][:, None] + within).flatten()
        return outputs.take(index).view(*input_ids.shape, -1)

    def with_means(
        self, layout: Layout, hidden: Tensor, input_ids: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """Replace the first token by the mean of all where `layout` stores the mean.

        hidden: (batch, tokens, hidden), as the result.
        """
        if not layout.means:
            return hidden
        rows = (layout.counts[self._places_of(input_ids, attention_mask)] == 1).nonzero()[:, 0]
        real = attention_mask[rows].bool()
        changed = hidden.clone()
        changed[rows, 0] = mean_states(hidden[rows][real], real.sum(1).tolist())
        return changed

    def stored_mask(self, layout: Layout, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Which tokens of a batch have stored outputs: (batch, tokens), bool."""
        counts = layout.counts[self._places_of(input_ids, attention_mask)]
        return torch.arange(input_ids.shape[1]) < counts[:, None]

    def _places_of(self, input_ids: Tensor, attention_mask: Tensor) -> list[int]:
        """Return the index of each sequence of a batch."""
        ids = input_ids.numpy()
        lengths = attention_mask.sum(1).tolist()
        return [self._places[ids[row, :length].tobytes()] for row, length in enumerate(lengths)]

    def _padded(self, places: range) -> tuple[Tensor, Tensor]:
        rows = [self._sequences[place] for place in places]
        longest = max(map(len, rows))
        ids = [[*row, *[self._pad_id] * (longest - len(row))] for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        return torch.tensor(ids), torch.tensor(mask)
