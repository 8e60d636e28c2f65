"""A file of a bundle that is copied from this machine piece by piece, since it may be large."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_PIECE_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A file to copy: its path in the bundle, its size, and how to read its content."""

    path: str
    size_bytes: int
    pieces: Callable[[], Iterator[bytes]]


def copied(file: Path, path: str) -> CopiedFile:
    """A file of this machine under another path."""
    return CopiedFile(path, file.stat().st_size, partial(_pieces, file))


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE_BYTES):
            yield piece
