"""The folder that a command writes into: empty before, and whole or not there afterwards."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mtl_core.errors import OutputNotEmpty
from mtl_core.training.spec import RunSpec

WEIGHTS = "model.safetensors"
RUN = "freeze_lab.json"  # what the run was, beside the weights that it wrote


def spec_written(folder: Path) -> RunSpec | None:
    """The spec of the run that wrote the weights in `folder`; None where none can be read."""
    try:
        record = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return RunSpec.model_validate_json(json.dumps(record["spec"]))
    except (OSError, ValueError, KeyError, TypeError):  # pydantic's error is a ValueError
        return None


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
