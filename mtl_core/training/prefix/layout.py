"""Sentences in the order in which their stored outputs lie, and how a batch finds them again."""

import hashlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from mtl_core.training.batches import filled_batches
from mtl_core.training.prefix.rows import StoredRows


@dataclass(frozen=True)
class Layout:
    """Which outputs are stored: of each sentence the first `counts` tokens', from `starts` on.

    `rows` in all; `digest` names the choice.
    """

    starts: Tensor
    counts: Tensor
    rows: int
    digest: str

    @classmethod
    def of(cls, counts: Sequence[int]) -> "Layout":
        """One sentence after the other."""
        ends = list(accumulate(counts, initial=0))
        digest = hashlib.sha256(",".join(map(str, counts)).encode()).hexdigest()
        return cls(torch.tensor(ends[:-1]), torch.tensor(counts), ends[-1], digest)


class Sentences:
    """Different token sequences, shortest first, each once.

    Order and batches depend on the sequences alone: not on seed, scenario, labels or the order in
    which they came. `digest` names them by their content. Layers read every token, so `entire`
    stores all; the heads read no more than the first token of the sentences among
    `first_token_alone`, so `for_heads` stores no more of these.
    """

    def __init__(
        self,
        sequences: Iterable[tuple[int, ...]],
        pad_id: int,
        first_token_alone: Collection[tuple[int, ...]] = (),
    ) -> None:
        self._sequences = sorted(set(sequences), key=lambda ids: (len(ids), ids))
        self._pad_id = pad_id
        self._batches = tuple(filled_batches([len(ids) for ids in self._sequences]))
        short = frozenset(first_token_alone)
        self.entire = Layout.of([len(ids) for ids in self._sequences])
        self.for_heads = Layout.of([1 if ids in short else len(ids) for ids in self._sequences])
        packed = [array("q", ids).tobytes() for ids in self._sequences]  # as int64 tensors lie
        self._places = {ids: place for place, ids in enumerate(packed)}
        lengths = ",".join(str(len(ids)) for ids in self._sequences)
        self.digest = hashlib.sha256(
            f"{pad_id} {lengths}\n".encode() + b"".join(packed)
        ).hexdigest()

    def __len__(self) -> int:
        return len(self._sequences)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Every sequence in its fixed batch: token ids and attention mask, (batch, tokens)."""
        yield from map(self._padded, self._batches)

    def middle_batch(self) -> tuple[Tensor, Tensor]:
        """The fixed batch of middling length: the sample by which stored outputs are judged."""
        return self._padded(self._batches[len(self._batches) // 2])

    def mixed_batch(self, count: int) -> tuple[Tensor, Tensor]:
        """About `count` sequences from shortest to longest: a batch with much padding."""
        step = max(1, (len(self) - 1) // (count - 1))
        return self._padded(range(len(self) - 1, -1, -step))

    def gather(
        self, outputs: StoredRows, layout: Layout, input_ids: Tensor, attention_mask: Tensor
    ) -> Tensor:
        """The stored outputs of a batch: (batch, tokens, hidden) from (rows, hidden).

        What is not stored, padding among it, repeats the last token that is: any finite value
        would do, for nobody reads it. Raises KeyError for a sequence that is not among these.
        """
        places = self._found(input_ids, attention_mask)
        within = torch.arange(input_ids.shape[1]).minimum(layout.counts[places][:, None] - 1)
        index = (layout.starts[places][:, None] + within).flatten()
        return outputs.take(index).view(*input_ids.shape, -1)

    def stored(self, layout: Layout, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Which tokens of a batch have their outputs stored: (batch, tokens), bool."""
        counts = layout.counts[self._found(input_ids, attention_mask)]
        return torch.arange(input_ids.shape[1]) < counts[:, None]

    def _found(self, input_ids: Tensor, attention_mask: Tensor) -> list[int]:
        """The place of each sequence of a batch."""
        ids = input_ids.numpy()
        lengths = attention_mask.sum(1).tolist()
        return [self._places[ids[row, :length].tobytes()] for row, length in enumerate(lengths)]

    def _padded(self, places: range) -> tuple[Tensor, Tensor]:
        rows = [self._sequences[place] for place in places]
        longest = max(map(len, rows))
        ids = [[*row, *[self._pad_id] * (longest - len(row))] for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        return torch.tensor(ids), torch.tensor(mask)
