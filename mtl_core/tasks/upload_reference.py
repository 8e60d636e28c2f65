"""References to uploaded data, `upload:<digest>`, and their folders."""

import re
from pathlib import Path

from mtl_core.errors import DataError
from mtl_core.text import shortened

PREFIX = "upload:"
_REFERENCE = re.compile(r"upload:[0-9a-f]{16}")


def is_upload(reference: str) -> bool:
    """Whether a data reference has the prefix of an upload; it may still be invalid."""
    return reference.startswith(PREFIX)


def upload_folder(reference: str, uploads: Path | None) -> Path:
    """The folder of a stored upload; only a digest becomes part of a path.

    Raises DataError for an invalid reference and if there is no such upload.
    """
    if not _REFERENCE.fullmatch(reference):
        raise DataError(
            f"'{shortened(reference, 80)}' is not an upload. Its name is {PREFIX} and 16 letters "
            "and digits, as the Data page shows it."
        )
    folder = uploads / reference.removeprefix(PREFIX) if uploads is not None else None
    if folder is None or not folder.is_dir() or _leads_out(folder):
        raise DataError(
            f"There is no '{reference}' here: it was deleted, or it is on another machine. "
            "Upload the files again on the Data page: the same files get the same name."
        )
    return folder


def _leads_out(folder: Path) -> bool:
    """Whether an upload's folder, or the manifest in it, is a link to another place."""
    manifest = folder / "manifest.yaml"
    return folder.is_symlink() or manifest.is_symlink()
