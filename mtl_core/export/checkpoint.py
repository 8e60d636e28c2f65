"""The files of a run's trained checkpoint, to copy them."""

from collections.abc import Iterator
from pathlib import Path


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each regular file below `folder`, with its path inside it."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield file.relative_to(folder).as_posix(), file
