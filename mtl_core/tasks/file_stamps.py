"""Stamps of files: what the system records of a file, which changes with its content."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mtl_core.tasks.manifest import Manifest

_MOST_PARTS = 1_000  # files of a folder of `datasets`


class FileStamp(NamedTuple):
    """The path of a file or folder, its time of change, its size and its number on the disk.

    Another content has another stamp. A file that does not exist has zeros.
    """

    path: str
    changed: int = 0
    size: int = 0
    number: int = 0


def stamps_of_data(manifest: Manifest) -> tuple[FileStamp, ...]:
    """The stamps of a manifest and of the files that it names."""
    return stamps_of(dict.fromkeys(_paths(manifest)))


def stamps_of(paths: Iterable[Path | str]) -> tuple[FileStamp, ...]:
    """The stamps of files and folders as they are now."""
    return tuple(_stamp(Path(path)) for path in paths)


def _paths(manifest: Manifest) -> Iterator[Path]:
    yield manifest.path
    for source in manifest.tasks:
        for file in source.files:
            yield file.path
            if file.is_folder:
                yield from islice(file.path.iterdir(), _MOST_PARTS)


def _stamp(path: Path) -> FileStamp:
    try:
        found = path.stat()
    except (OSError, ValueError):  # missing, or no name that a file can have
        return FileStamp(str(path))
    return FileStamp(str(path), found.st_mtime_ns, found.st_size, found.st_ino)
