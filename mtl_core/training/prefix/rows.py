"""Rows of numbers that are looked up batch by batch, in memory or in a file.

A file is read, never mapped: the pages of a mapped one count as the process's own, and a run over
thousands of sentences would grow by all of them. The system keeps what it has room for anyway.
"""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor


class StoredRows:
    """(rows, width), float32, in this process's memory. `nbytes` is their size."""

    def __init__(self, rows: Tensor) -> None:
        self._rows = rows
        self.nbytes = rows.nbytes

    def take(self, index: Tensor) -> Tensor:
        """Copies of the rows at `index` (n,): (n, width)."""
        return self._rows.index_select(0, index)


class FiledRows(StoredRows):
    """Rows of a file, read as they are asked for.

    The file was whole when it was opened; one taken away meanwhile can be read on.
    """

    def __init__(self, file: Path, offset: int, shape: tuple[int, int]) -> None:
        """Open `shape` numbers from `offset` on. Raises OSError."""
        self._opened = file.open("rb", buffering=0)
        self._offset, self._width = offset, shape[1]
        self.nbytes = shape[0] * shape[1] * 4

    def __del__(self) -> None:
        # Phases hand these on to one another, so that no block could end with the last reader.
        if hasattr(self, "_opened"):
            self._opened.close()

    def take(self, index: Tensor) -> Tensor:
        """As `StoredRows.take`. Raises OSError for a file that has become shorter."""
        wanted, places = torch.unique(index, return_inverse=True)
        rows = torch.empty(len(wanted), self._width)
        breaks = (torch.nonzero(wanted.diff() != 1).flatten() + 1).tolist()
        numbers = rows.numpy()
        for start, end in pairwise([0, *breaks, len(wanted)]):
            self._opened.seek(self._offset + int(wanted[start]) * self._width * 4)
            here = numbers[start:end]
            if self._opened.readinto(here.data) != here.nbytes:
                raise OSError(f"{self._opened.name} was cut short while it was in use.")
        return rows.index_select(0, places)
