"""The checkpoints in the configured folders, each with a name by which it can be given."""

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cachetools import TTLCache, cached

from mtl_core.errors import DamagedCheckpoint
from mtl_core.file_access import lies_below
from mtl_core.models.weights import pickle_files, weight_files

CONFIG_FILE = "config.json"

_DEPTH = 3  # folders below a configured one
_MOST = 100
_MOST_FOLDERS = 5_000  # looked into, so that a folder with everything does not block the page
_SECONDS = 10.0  # until the folders are read again
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model")


@dataclass(frozen=True, slots=True)
class LocalCheckpoint:
    """A checkpoint below a configured folder.

    `name` is its path relative to that folder. `problem` is why it cannot be trained, in a few
    words; None if it can.
    """

    name: str
    folder: Path
    problem: str | None = None


@cached(TTLCache(16, _SECONDS), lock=threading.Lock())
def local_checkpoints(roots: tuple[Path, ...]) -> tuple[LocalCheckpoint, ...]:
    """The checkpoints below `roots`, by name: folders with a config.json, at most 100.

    Of two with the same name, the first counts, as in `local_folder`. Names that begin with a dot
    are left out, and so are links to folders outside `roots`. The result is a few seconds old at
    most.
    """
    found: dict[str, LocalCheckpoint] = {}
    for root in roots:
        for folder in _folders(root, roots):
            name = _relative_name(folder, root)
            if len(found) < _MOST:
                found.setdefault(name, LocalCheckpoint(name, folder, _problem(folder)))
    return tuple(found[name] for name in sorted(found))


def local_folder(name: str, roots: Sequence[Path]) -> Path | None:
    """The checkpoint of this name below `roots`; None if there is none."""
    if not name or ".." in Path(name).parts or Path(name).is_absolute():
        return None
    for root in roots:
        named_root = name == root.name and (root / CONFIG_FILE).is_file()
        folder = root if named_root else root / name
        if (folder / CONFIG_FILE).is_file() and lies_below(folder, roots):
            return folder
    return None


def _relative_name(folder: Path, root: Path) -> str:
    return root.name if folder == root else folder.relative_to(root).as_posix()


def _folders(root: Path, roots: Sequence[Path]) -> Iterator[Path]:
    """The folders with a config.json at or below `root`; what they contain is not searched."""
    left = [(root, 0)]
    for _ in range(_MOST_FOLDERS):
        if not left:
            return
        folder, depth = left.pop()
        if (folder / CONFIG_FILE).is_file():
            yield folder
        elif depth < _DEPTH:
            left += [(each, depth + 1) for each in _subfolders(folder, roots)]


def _subfolders(folder: Path, roots: Sequence[Path]) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [each.path for each in entries if each.is_dir() and each.name[0] != "."]
    except OSError:
        return []
    return [each for each in map(Path, names) if lies_below(each, roots)]


def _problem(folder: Path) -> str | None:
    try:
        if not weight_files(folder):
            return "weights as pickle only" if pickle_files(folder) else "no weights"
        if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
            return "no tokenizer"
    except (DamagedCheckpoint, OSError):
        return "weights incomplete"
    return None
