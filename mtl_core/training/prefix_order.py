"""Sentences in the order in which their stored outputs lie, and how a batch finds them again."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate

import torch
from torch import Tensor

_BATCH_SIZE = 32


class Sentences:
    """Different token sequences, shortest first, each once.

    Order and batches depend on the sequences alone: not on seed, scenario, labels or the order in
    which they came. `tokens` is the sum of their lengths, `digest` names them by their content.
    """

    def __init__(self, sequences: Iterable[tuple[int, ...]], pad_id: int) -> None:
        self._sequences = sorted(set(sequences), key=lambda ids: (len(ids), ids))
        self._pad_id = pad_id
        ends = list(accumulate(map(len, self._sequences), initial=0))
        self.tokens = ends[-1]
        self._starts = torch.tensor(ends[:-1])
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
        for start in range(0, len(self), _BATCH_SIZE):
            yield self._padded(range(start, min(start + _BATCH_SIZE, len(self))))

    def middle_batch(self) -> tuple[Tensor, Tensor]:
        """The fixed batch of middling length: the sample by which stored outputs are judged."""
        start = len(self) // 2 // _BATCH_SIZE * _BATCH_SIZE
        return self._padded(range(start, min(start + _BATCH_SIZE, len(self))))

    def mixed_batch(self, count: int) -> tuple[Tensor, Tensor]:
        """About `count` sequences from shortest to longest: a batch with much padding."""
        step = max(1, (len(self) - 1) // (count - 1))
        return self._padded(range(len(self) - 1, -1, -step))

    def gather(self, outputs: Tensor, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The stored outputs of a batch: (batch, tokens, hidden) from (all tokens, hidden).

        Padding repeats a sequence's last token: any finite value would do, for it is masked.
        Raises KeyError for a sequence that is not among these.
        """
        lengths = attention_mask.sum(1)
        ids = input_ids.numpy()
        places = [
            self._places[ids[row, :length].tobytes()] for row, length in enumerate(lengths.tolist())
        ]
        within = torch.arange(input_ids.shape[1]).minimum(lengths[:, None] - 1)
        index = (self._starts[places][:, None] + within).flatten()
        return outputs.index_select(0, index).view(*input_ids.shape, -1)

    def _padded(self, places: range) -> tuple[Tensor, Tensor]:
        rows = [self._sequences[place] for place in places]
        longest = max(map(len, rows))
        ids = [[*row, *[self._pad_id] * (longest - len(row))] for row in rows]
        mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
        return torch.tensor(ids), torch.tensor(mask)
