"""The folder that a command writes into: empty before, and whole or not there afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtl_core.errors import OutputNotEmpty

WEIGHTS = "model.safetensors"
RUN = "freeze_lab.json"  # what the run was, beside the weights that it wrote


def require_empty(folder: Path) -> None:
    """Raise OutputNotEmpty unless `folder` is missing or empty."""
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise OutputNotEmpty(f"{part} is a file; --output takes a folder.")
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputNotEmpty(f"{folder} is not empty; name a new folder, or empty it first.")


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """A folder to write into that becomes `folder` only if all went well."""
    require_empty(folder)
    folder = folder.resolve()  # "." has no name and cannot be replaced under that one
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        draft.chmod(0o755)
        yield draft
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
