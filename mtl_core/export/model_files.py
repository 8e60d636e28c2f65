"""The files of a saved model in an export, as Transformers loads it: all tensors in one file."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mtl_core.export.copied_file import CopiedFile, copied
from mtl_core.models.base_weights import (
    BASE_FILE,
    read_base,
    weights_digest,
    whole_file,
    whole_file_bytes,
)
from mtl_core.models.weights import LEARNED_FILE, WEIGHTS_FILE
from mtl_core.report.portable import PathNames
from mtl_core.training.output_folder import RUN, read_record, record_text, whole_record

_ANY_DIGEST = 64 * "0"  # as long as the one in the file


def model_files(folder: Path, names: PathNames) -> Iterator[CopiedFile]:
    """Yields the files of the model in `folder`; symbolic links are skipped.

    A model that reads tensors from its checkpoint is completed, and its record has `names` instead
    of paths. No digest is compared until the content is read. Raises MissingWeights if the
    checkpoint has gone.
    """
    is_completed = read_base(folder) is not None
    if is_completed:
        yield CopiedFile(WEIGHTS_FILE, whole_file_bytes(folder), lambda: whole_file(folder))
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder).as_posix()
        if path == RUN and (is_completed or _has_paths(folder, names)):
            size = len(_record(folder, names, _ANY_DIGEST if is_completed else None))
            yield CopiedFile(path, size, partial(_recorded, folder, names, is_completed))
        elif file.is_file() and not file.is_symlink() and path not in (LEARNED_FILE, BASE_FILE):
            yield copied(file, path)


def _has_paths(folder: Path, names: PathNames) -> bool:
    record = read_record(folder)
    return bool(names.in_json(record) != record)


def _record(folder: Path, names: PathNames, digest: str | None) -> bytes:
    """The content of RUN; `digest` is that of the completed weights, None if they were whole."""
    record = read_record(folder) if digest is None else whole_record(folder, digest)
    return record_text(names.in_json(record)).encode()


def _recorded(folder: Path, names: PathNames, is_completed: bool) -> Iterator[bytes]:
    yield _record(folder, names, weights_digest(folder) if is_completed else None)
