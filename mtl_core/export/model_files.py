"""The files of a saved model in an export, as Transformers loads it: all tensors in one file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mtl_core.models.base_weights import (
    BASE_FILE,
    read_base,
    weights_digest,
    whole_file,
    whole_file_bytes,
)
from mtl_core.models.weights import LEARNED_FILE, WEIGHTS_FILE
from mtl_core.training.output_folder import RUN, record_text, whole_record

_PIECE_BYTES = 4 * 2**20
_ANY_DIGEST = 64 * "0"  # as long as the one in the file


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a saved model: its path in the folder, its size, and how to read its content."""

    path: str
    size_bytes: int
    pieces: Callable[[], Iterator[bytes]]


def model_files(folder: Path) -> Iterator[ModelFile]:
    """Yields the files of the model in `folder`; symbolic links are skipped.

    A model that reads tensors from its checkpoint is completed. No digest is compared until the
    content is read. Raises MissingWeights if the checkpoint has gone.
    """
    is_completed = read_base(folder) is not None
    if is_completed:
        yield ModelFile(WEIGHTS_FILE, whole_file_bytes(folder), lambda: whole_file(folder))
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder).as_posix()
        if path == RUN and is_completed:
            yield ModelFile(path, len(_record(folder, _ANY_DIGEST)), partial(_completed, folder))
        elif file.is_file() and not file.is_symlink() and path not in (LEARNED_FILE, BASE_FILE):
            yield ModelFile(path, file.stat().st_size, partial(_read, file))


def _record(folder: Path, digest: str) -> bytes:
    return record_text(whole_record(folder, digest)).encode()


def _completed(folder: Path) -> Iterator[bytes]:
    yield _record(folder, weights_digest(folder))


def _read(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE_BYTES):
            yield piece
