"""Uploads that are kept: each a manifest beside its files, read again like any other."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mtl_core.errors import DataError
from mtl_core.tasks.dataset import MANIFEST_NAME
from mtl_core.tasks.manifest import read_manifest
from mtl_core.tasks.upload_reference import PREFIX, upload_folder
from mtl_core.tasks.uploads import (
    UploadedTask,
    files_of,
    kept_name,
    manifest_text,
    read_upload,
    upload_reference,
)

MOST_KEPT = 50


@dataclass(frozen=True, slots=True)
class KeptUpload:
    """An upload in the house: how choices, addresses and specs name it, and its tasks' names."""

    reference: str
    tasks: tuple[str, ...]


def keep_upload(tasks: tuple[UploadedTask, ...], uploads: Path) -> str:
    """Write an upload below `uploads`, whole or not at all; its reference.

    Raises DataError as `read_upload` does, and where it cannot be kept.
    """
    read_upload(tasks)
    reference = upload_reference(tasks)
    folder = uploads / reference.removeprefix(PREFIX)
    try:
        uploads.mkdir(parents=True, exist_ok=True)
        if folder.is_dir():
            return reference
        if len(kept_uploads(uploads)) >= MOST_KEPT:
            raise DataError(
                f"{MOST_KEPT} uploads are kept already, and no more fit. Forget one first."
            )
        _write(tasks, uploads, folder)
    except OSError as error:
        raise DataError(
            f"The upload cannot be kept: {error.strerror or error}. Make room on the disk of "
            "this dashboard, or let it write there."
        ) from error
    return reference


def kept_uploads(uploads: Path) -> tuple[KeptUpload, ...]:
    """All uploads that are kept, by the names of their tasks."""
    found = []
    for folder in uploads.glob("[0-9a-f]*") if uploads.is_dir() else ():
        try:
            sources = read_manifest(folder / MANIFEST_NAME).tasks
        except DataError:  # half forgotten, or not ours
            continue
        found.append(KeptUpload(PREFIX + folder.name, tuple(source.name for source in sources)))
    return tuple(sorted(found, key=lambda kept: (kept.tasks, kept.reference)))


def forget_upload(reference: str, uploads: Path) -> None:
    """Remove an upload and all its files. Raises DataError for one that is not here."""
    shutil.rmtree(upload_folder(reference, uploads), ignore_errors=True)


def _write(tasks: tuple[UploadedTask, ...], uploads: Path, folder: Path) -> None:
    """Fill a folder beside `folder`, then give it its name: nobody ever sees half an upload."""
    made = Path(tempfile.mkdtemp(dir=uploads, prefix=".new-"))
    try:
        for task, _, file in files_of(tasks):
            (made / kept_name(task, file)).write_bytes(file.content)
        (made / MANIFEST_NAME).write_text(manifest_text(tasks), encoding="utf-8")
        made.rename(folder)
    except OSError:
        if not folder.is_dir():  # else another visitor kept the same files at the same moment
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
