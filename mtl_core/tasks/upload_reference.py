"""What `upload:<digest>` means: data that a visitor of the dashboard gave, in its own folder."""

import re
from pathlib import Path

from mtl_core.errors import DataError

PREFIX = "upload:"
_REFERENCE = re.compile(r"upload:[0-9a-f]{16}")


def is_upload(reference: str) -> bool:
    """Whether a data reference speaks of an upload, well-formed or not."""
    return reference.startswith(PREFIX)


def upload_folder(reference: str, uploads: Path | None) -> Path:
    """The folder of an upload that was kept; only a digest ever becomes part of a path.

    Raises DataError for a reference that is none, and for an upload that is not here.
    """
    if not _REFERENCE.fullmatch(reference):
        raise DataError(
            f"'{reference[:80]}' is not an upload. One is called {PREFIX} and the 16 letters and "
            "digits that the Data page gave it."
        )
    folder = uploads / reference.removeprefix(PREFIX) if uploads is not None else None
    if folder is None or not folder.is_dir() or _leads_out(folder):
        raise DataError(
            f"There is no '{reference}' here: it was forgotten, or it lies on another machine. "
            "Upload the files again on the Data page: the same files get the same name."
        )
    return folder


def _leads_out(folder: Path) -> bool:
    """Whether an upload's folder, or the manifest in it, is a link to another place."""
    manifest = folder / "manifest.yaml"
    return folder.is_symlink() or manifest.is_symlink()
