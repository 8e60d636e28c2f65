"""Stored outputs of frozen layers, on disk under the digest of all that they follow from.

An entry is a safetensors file: one tensor `outputs`, (tokens, hidden), float32. It is written
under another name and renamed once whole, and carries the SHA-256 of its numbers: an entry that
was cut short or damaged is never read, but taken away and made again. Past the limit the entries
that were not used for longest go first. Entries are read batch by batch and lie in no memory.
"""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mtl_core.settings import PREFIX_MEMORY_BYTES, Settings

if TYPE_CHECKING:
    from torch import Tensor

    from mtl_core.training.prefix.rows import StoredRows

_SUFFIX = ".safetensors"
_DRAFT = ".draft"
_UNKNOWN = "0" * 64  # stands where the digest will, until all numbers are written
_SECONDS_OF_A_DRAFT = 86_400


class PrefixStore:
    """A folder of entries, `limit_bytes` in all; what has no room in it may take
    `memory_bytes` of memory."""

    def __init__(
        self, folder: Path, limit_bytes: int, memory_bytes: int = PREFIX_MEMORY_BYTES
    ) -> None:
        self._folder, self.limit_bytes, self.memory_bytes = folder, limit_bytes, memory_bytes

    @classmethod
    def of(cls, settings: Settings) -> "PrefixStore":
        """The store that `settings` name; with a limit of 0 nothing has room in it."""
        return cls(settings.prefixes, settings.cache_bytes, settings.prefix_memory_bytes)

    def read(self, key: str, shape: tuple[int, int]) -> "StoredRows | None":
        """The entry `key`, if it is here, whole, and of this shape; now the last one used."""
        file = self._file(key)
        if not file.is_file():
            return None
        if not _is_whole(file, shape):
            file.unlink(missing_ok=True)
            return None
        with suppress(OSError):
            os.utime(file)
        return self._rows_of(file, shape)

    def holds(self, key: str) -> bool:
        """Whether there is an entry `key`, whole or not."""
        return self._file(key).is_file()

    @contextmanager
    def writing(self, key: str, shape: tuple[int, int]) -> Iterator["Draft"]:
        """A draft to append rows to, kept as `key` if all went well. Raises OSError."""
        with self._drafting(shape, lambda _, path: path.replace(self._file(key))) as draft:
            yield draft
            draft.sign()

    @contextmanager
    def passing(self, shape: tuple[int, int]) -> Iterator["Draft"]:
        """A draft that becomes no entry: its `rows` are there after the block, for this process
        alone. Raises OSError."""

        def read(draft: Draft, path: Path) -> None:
            draft.rows = self._rows_of(path, shape)

        with self._drafting(shape, read) as draft:
            yield draft

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

    def _rows_of(self, file: Path, shape: tuple[int, int]) -> "StoredRows":
        from mtl_core.training.prefix.rows import FiledRows

        return FiledRows(file, len(_header(shape, _UNKNOWN)), shape)

    def forget(self, key: str) -> None:
        """Take an entry away."""
        self._file(key).unlink(missing_ok=True)

    def _file(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"

    def _make_room(self, wanted: int) -> None:
        """Take away the entries used longest ago, and drafts of processes long gone."""
        for draft in self._folder.glob(f"*{_DRAFT}"):
            with suppress(OSError):
                if time.time() - draft.stat().st_mtime > _SECONDS_OF_A_DRAFT:
                    draft.unlink()
        found = []
        for file in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(OSError):
                found.append((file.stat().st_mtime_ns, file.stat().st_size, file))
        held = sum(size for _, size, _ in found)
        for _, size, file in sorted(found):
            if held + wanted <= self.limit_bytes:
                return
            with suppress(OSError):
                file.unlink()
                held -= size


class Draft:
    """An entry while it is written, row by row."""

    def __init__(self, opened: BinaryIO, shape: tuple[int, int]) -> None:
        self._opened = opened
        self._digest = hashlib.sha256()
        self._header = _header(shape, _UNKNOWN)
        self.rows: StoredRows | None = None
        opened.write(self._header)

    def append(self, rows: "Tensor") -> None:
        """Write more rows: (tokens, hidden)."""
        numbers = rows.contiguous().numpy().tobytes()
        self._digest.update(numbers)
        self._opened.write(numbers)

    def sign(self) -> None:
        """Write the digest of all rows into its place, and everything to the disk."""
        self._opened.seek(self._header.index(_UNKNOWN.encode()))
        self._opened.write(self._digest.hexdigest().encode())
        self._opened.flush()
        os.fsync(self._opened.fileno())


def _header(shape: tuple[int, int], digest: str) -> bytes:
    """What a safetensors file of one float32 tensor begins with."""
    size = shape[0] * shape[1] * 4
    tensor = {"dtype": "F32", "shape": list(shape), "data_offsets": [0, size]}
    text = json.dumps({"__metadata__": {"sha256": digest}, "outputs": tensor}).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _is_whole(file: Path, shape: tuple[int, int]) -> bool:
    """Whether a file is an entry of this shape and bears the digest of its own numbers."""
    expected = _header(shape, _UNKNOWN)
    try:
        with file.open("rb") as opened:
            header = opened.read(len(expected))
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return False
    return header == _header(shape, digest)
