"""The data and checkpoints that a bundle contains on request: which files, and how many bytes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from mtl_core.errors import BadInput, CheckpointError
from mtl_core.export.copied_file import CopiedFile, copied
from mtl_core.export.model_files import model_files
from mtl_core.file_access import NO_FILE, FileAccess
from mtl_core.models.checkpoint import require_weights, resolve_checkpoint
from mtl_core.report.load import Report
from mtl_core.report.needed import (
    NeededCheckpoint,
    NeededData,
    folder_names,
    needed_checkpoints,
    needed_data,
)
from mtl_core.report.portable import PathNames
from mtl_core.tasks.dataset import MANIFEST_NAME, manifest_of
from mtl_core.text import listed
from mtl_core.training.output_folder import RUN

DATA_FOLDER, WEIGHTS_FOLDER = "data", "weights"
_MODEL_SUFFIXES = (".safetensors", ".json", ".txt", ".model")  # as `download_command` has them


@dataclass(frozen=True, slots=True)
class Included:
    """What a bundle contains beside the results: the data, the weights, or neither.

    `access` decides which files the caller may read.
    """

    data: bool = False
    weights: bool = False
    access: FileAccess = NO_FILE


RESULTS_ONLY = Included()


def needed_by(
    report: Report, access: FileAccess
) -> tuple[tuple[NeededData, ...], tuple[NeededCheckpoint, ...]]:
    """The data and checkpoints that the runs and the earlier runs of a report need."""
    summaries = [run.summary for run in (*report.runs, *report.earlier)]
    specs = [each.spec for each in summaries]
    return needed_data(summaries), needed_checkpoints(
        specs, lambda name: is_public(report.names.path_of(name), access)
    )


def left_out(report: Report, included: Included) -> tuple[str, ...]:
    """A sentence about the data, and one about the checkpoints, that a bundle does not contain."""
    data, checkpoints = needed_by(report, included.access)
    parts = (
        ("data", data, included.data, "--with-data"),
        ("checkpoints", checkpoints, included.weights, "--with-weights"),
    )
    return tuple(
        f"The {what} that repeat.sh needs are not included: "
        f"{listed([each.words for each in needed])}. {option} includes them."
        for what, needed, is_included, option in parts
        if needed and not is_included
    )


def is_public(reference: str, access: FileAccess) -> bool:
    """Whether a checkpoint of this machine is in the catalogue or has an id on the hub."""
    try:
        found = resolve_checkpoint(reference, access)
    except CheckpointError:
        return False
    return found.entry is not None or found.hub_id is not None


def included_files(report: Report, included: Included) -> Iterator[CopiedFile]:
    """Yield the files of data and checkpoints that are requested.

    Raises BadInput for files that have changed since the runs, are missing, or that the caller may
    not read.
    """
    data, checkpoints = needed_by(report, included.access)
    if included.data:
        names = folder_names(each.spec.data for each in data)
        for each in data:
            _require_unchanged(report, each)
            reference = report.names.path_of(each.spec.data)
            folder = f"{DATA_FOLDER}/{names[each.spec.data]}"
            yield from data_files(reference, included.access, folder)
    if included.weights:
        names = folder_names(each.reference for each in checkpoints)
        for checkpoint in checkpoints:
            reference = report.names.path_of(checkpoint.reference)
            folder = f"{WEIGHTS_FOLDER}/{names[checkpoint.reference]}"
            yield from weight_files(reference, included.access, folder, report.names)


def data_files(reference: str, access: FileAccess, folder: str = ".") -> Iterator[CopiedFile]:
    """Yield a manifest and the files that it names, below `folder`. Raises DataError."""
    manifest = manifest_of(reference, access)
    yield copied(manifest.path, f"{folder}/{MANIFEST_NAME}")
    files = (file for source in manifest.tasks for file in source.files)
    for file in dict.fromkeys(files):
        path = f"{folder}/{normpath(file.name)}"
        if file.is_folder:
            yield from (copied(each, f"{path}/{each.name}") for each in _files_in(file.path))
        else:
            yield copied(file.path, path)


def weight_files(
    reference: str, access: FileAccess, folder: str, names: PathNames
) -> Iterator[CopiedFile]:
    """Yield configuration, weights and tokenizer of a checkpoint, below `folder`.

    Raises CheckpointError.
    """
    source = require_weights(resolve_checkpoint(reference, access))
    by_run = (source / RUN).is_file()  # its record has paths, and it may lack tensors
    plain = (copied(each, each.name) for each in _files_in(source))
    for file in model_files(source, names) if by_run else plain:
        if "/" not in file.path and file.path.endswith(_MODEL_SUFFIXES):
            yield CopiedFile(f"{folder}/{file.path}", file.size_bytes, file.pieces)


def bytes_of(files: Iterable[CopiedFile]) -> int:
    """The bytes of all files."""
    return sum(file.size_bytes for file in files)


def _require_unchanged(report: Report, data: NeededData) -> None:
    """Raises BadInput unless the caller reads the data as the runs did."""
    if report.data_of is None or report.data_of(data.spec, {}) is None:
        raise BadInput(
            f"The data '{data.name}' cannot be included: they have changed since the run, they "
            "are missing, or you may not read them. Export without the data."
        )


def _files_in(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_file())
