"""Outputs of frozen layers on disk, each under the digest of everything that determines them.

An entry is a safetensors file with one tensor, `outputs`: (tokens, hidden), float32. It is written
under a temporary name, renamed when complete, and contains the SHA-256 of its numbers. A truncated
or damaged entry is deleted and computed again. Beyond the size limit the least recently used
entries are deleted. Entries are read batch by batch, not loaded into memory.
"""

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mtl_core.settings import PREFIX_MEMORY_BYTES, Settings

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from torch import Tensor

_SUFFIX = ".safetensors"
_DRAFT, _LOCK = ".draft", ".lock"
_PLACEHOLDER = "0" * 64  # replaced by the digest when all numbers are written
_LEFT_SECONDS = 86_400  # an older draft or lock belongs to a process that was killed
_LOCK_SECONDS = 0.1  # between two attempts to lock an entry


class StoredRows:
    """Rows of numbers in memory: (rows, width), float32. `nbytes` is their size."""

    def __init__(self, rows: "Tensor") -> None:
        self._rows = rows
        self.nbytes = rows.nbytes

    def take(self, index: "Tensor") -> "Tensor":
        """Copy the rows at `index` (n,): (n, width)."""
        return self._rows.index_select(0, index)


class FiledRows(StoredRows):
    """Rows of a file, read on demand.

    The file is not mapped, because pages of a mapped file count as the process's memory. It must
    be complete when it is opened; it can still be read after another process deletes it.
    """

    def __init__(self, file: Path, offset: int, shape: tuple[int, int]) -> None:
        """Open a file that holds numbers of `shape` from byte `offset` on. Raises OSError."""
        self._opened = file.open("rb", buffering=0)
        self._offset, self._width = offset, shape[1]
        self.nbytes = shape[0] * shape[1] * 4

    def __del__(self) -> None:
        # Several phases share these rows, so no `with` block could close the file.
        if hasattr(self, "_opened"):
            self._opened.close()

    def take(self, index: "Tensor") -> "Tensor":
        """As `StoredRows.take`. Raises OSError if the file was truncated meanwhile."""
        import torch  # the server imports this module and never loads torch

        wanted, places = torch.unique(index, return_inverse=True)
        rows = torch.empty(len(wanted), self._width)
        breaks = (torch.nonzero(wanted.diff() != 1).flatten() + 1).tolist()
        numbers = rows.numpy()
        for start, end in pairwise([0, *breaks, len(wanted)]):
            self._opened.seek(self._offset + int(wanted[start]) * self._width * 4)
            here = numbers[start:end]
            if self._opened.readinto(here.data) != here.nbytes:
                raise OSError(f"{self._opened.name} was truncated while it was in use.")
        return rows.index_select(0, places)


class PrefixStore:
    """A folder of entries with at most `limit_bytes` in total.

    `memory_bytes` is how much memory a run may use for outputs that do not fit into the folder.
    """

    def __init__(
        self, folder: Path, limit_bytes: int, memory_bytes: int = PREFIX_MEMORY_BYTES
    ) -> None:
        self._folder, self.limit_bytes, self.memory_bytes = folder, limit_bytes, memory_bytes

    @classmethod
    def of(cls, settings: Settings) -> "PrefixStore":
        """Create the store that `settings` define. With a limit of 0 it stores nothing."""
        return cls(settings.prefixes, settings.cache_bytes, settings.prefix_memory_bytes)

    def read(self, key: str, shape: tuple[int, int]) -> StoredRows | None:
        """Return the entry `key` and mark it as used; None if missing, damaged or misshapen."""
        file = self._file(key)
        if not file.is_file():
            return None
        if not _is_whole(file, shape):
            file.unlink(missing_ok=True)
            return None
        with suppress(OSError):
            os.utime(file)
        return _rows_of(file, shape)

    def contains(self, key: str) -> bool:
        """Whether there is an entry `key`, complete or not."""
        return self._file(key).is_file()

    @contextmanager
    def writing(self, key: str, shape: tuple[int, int]) -> Iterator["Draft"]:
        """Yield a draft to append rows to; it becomes entry `key` at the end. Raises OSError."""
        with self._drafting(shape, lambda _, path: path.replace(self._file(key))) as draft:
            yield draft
            draft.write_digest()

    @contextmanager
    def computing(
        self, keys: Collection[str], while_waiting: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """Lock entries while they are computed, so that other processes wait instead.

        Waits for processes that hold one of the locks; `while_waiting` is called ten times a second
        meanwhile, and may end it by raising. The system releases the locks of a process that ends.
        Without effect on Windows, where an entry may be computed twice. Raises OSError.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            for key in sorted(keys):  # in the same order everywhere, so that no two wait in turn
                held.enter_context(_locked(self._folder / f"{key}{_LOCK}", while_waiting))
            yield

    @contextmanager
    def temporary(self, shape: tuple[int, int]) -> Iterator["Draft"]:
        """Yield a draft that becomes no entry; only this process can read it.

        Its `rows` are available after the block. Raises OSError.
        """

        def read(draft: Draft, path: Path) -> None:
            draft.rows = _rows_of(path, shape)

        with self._drafting(shape, read) as draft:
            yield draft

    def delete(self, key: str) -> None:
        """Delete an entry if it exists."""
        self._file(key).unlink(missing_ok=True)

    @contextmanager
    def _drafting(
        self, shape: tuple[int, int], finish: Callable[["Draft", Path], object]
    ) -> Iterator["Draft"]:
        self._folder.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(suffix=_DRAFT, dir=self._folder)
        path = Path(name)
        try:
            with os.fdopen(number, "wb") as opened:
                draft = Draft(opened, shape)
                yield draft
            self._make_room(path.stat().st_size)
            finish(draft, path)
        finally:
            path.unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _make_room(self, size_bytes: int) -> None:
        """Delete old drafts and locks, and the entries used longest ago until `size_bytes` fit."""
        for left in (*self._folder.glob(f"*{_DRAFT}"), *self._folder.glob(f"*{_LOCK}")):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                    left.unlink()
        found = []
        for file in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(OSError):
                found.append((file.stat().st_mtime_ns, file.stat().st_size, file))
        used = sum(size for _, size, _ in found)
        for _, size, file in sorted(found):
            if used + size_bytes <= self.limit_bytes:
                return
            with suppress(OSError):
                file.unlink()
                used -= size


class Draft:
    """An entry while it is written, row by row."""

    def __init__(self, opened: BinaryIO, shape: tuple[int, int]) -> None:
        self._opened = opened
        self._digest = hashlib.sha256()
        self._header = _header(shape, _PLACEHOLDER)
        self.rows: StoredRows | None = None
        opened.write(self._header)

    def append(self, rows: "Tensor") -> None:
        """Write more rows: (tokens, hidden)."""
        numbers = rows.contiguous().numpy().tobytes()
        self._digest.update(numbers)
        self._opened.write(numbers)

    def write_digest(self) -> None:
        """Write the digest of all rows into the header and flush everything to the disk."""
        self._opened.seek(self._header.index(_PLACEHOLDER.encode()))
        self._opened.write(self._digest.hexdigest().encode())
        self._opened.flush()
        os.fsync(self._opened.fileno())


@contextmanager
def _locked(file: Path, while_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock on a file, which is deleted at the end.

    Two processes can hold a lock that a third one has just deleted; both then compute the same.
    So do all processes where the file system has no locks.
    """
    if sys.platform == "win32":
        yield
        return
    with file.open("ab") as opened:
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                while_waiting()
                time.sleep(_LOCK_SECONDS)
            except OSError:
                break
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def _rows_of(file: Path, shape: tuple[int, int]) -> StoredRows:
    return FiledRows(file, len(_header(shape, _PLACEHOLDER)), shape)


def _header(shape: tuple[int, int], digest: str) -> bytes:
    """Build the header of a safetensors file with one float32 tensor."""
    size = shape[0] * shape[1] * 4
    tensor = {"dtype": "F32", "shape": list(shape), "data_offsets": [0, size]}
    text = json.dumps({"__metadata__": {"sha256": digest}, "outputs": tensor}).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _is_whole(file: Path, shape: tuple[int, int]) -> bool:
    """Whether a file is an entry of this shape that contains the digest of its own numbers."""
    expected = _header(shape, _PLACEHOLDER)
    try:
        with file.open("rb") as opened:
            header = opened.read(len(expected))
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return False
    return header == _header(shape, digest)
