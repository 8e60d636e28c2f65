"""Rows of numbers that are looked up batch by batch, in memory or in a mapped file."""

import mmap
from pathlib import Path

import torch
from torch import Tensor

_WINDOW = 1 << 16
"""A system brings in this much of a mapped file around what is read (Linux: fault_around_bytes)."""


class StoredRows:
    """(rows, width), float32. `nbytes` is their size, wherever they lie."""

    def __init__(self, rows: Tensor) -> None:
        self._rows = rows
        self.nbytes = rows.nbytes

    def take(self, index: Tensor) -> Tensor:
        """Copies of the rows at `index` (n,): (n, width)."""
        return self._rows.index_select(0, index)


class MappedRows(StoredRows):
    """Rows of a file, read as they are asked for; no more than `memory_bytes` of it stay in memory.

    What was read before is let go of once more would lie in memory, and read again when it is
    asked for again: the numbers are the same. Where the system cannot be told so (Windows) it
    decides by itself how much stays.
    """

    def __init__(self, file: Path, offset: int, shape: tuple[int, int], memory_bytes: int) -> None:
        """Map `shape` numbers from `offset` on. Raises OSError."""
        with file.open("rb") as opened:
            # A copy on write, which nobody writes to: torch warns of memory that is read-only.
            self._mapping = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
        count = shape[0] * shape[1]
        numbers = torch.frombuffer(self._mapping, dtype=torch.float32, count=count, offset=offset)
        super().__init__(numbers.view(shape))
        self._memory_bytes, self._in_memory = memory_bytes, 0

    def take(self, index: Tensor) -> Tensor:
        """As `StoredRows.take`; leaves at most `memory_bytes` in memory, or what it just read."""
        if self.nbytes > self._memory_bytes:
            self._make_room(index)
        return super().take(index)

    def _make_room(self, index: Tensor) -> None:
        row_bytes = self._rows.shape[1] * self._rows.itemsize
        windows = len(set((index * row_bytes // _WINDOW).tolist()))
        coming = (windows + 1) * _WINDOW
        if self._in_memory + coming > self._memory_bytes and hasattr(mmap, "MADV_DONTNEED"):
            self._mapping.madvise(mmap.MADV_DONTNEED)
            self._in_memory = 0
        self._in_memory += coming
