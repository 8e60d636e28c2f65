"""The trained checkpoint of a run: the folder it wrote, if that is still the run's own."""

import json
from collections.abc import Iterator
from pathlib import Path

from mtl_core.export.material import ExportedRun
from mtl_core.training.folder import RUN, WEIGHTS
from mtl_core.training.spec import RunSpec


def trained_folder(run: ExportedRun) -> Path | str:
    """The folder that the run wrote, or a sentence on why there is none to copy."""
    end = run.summary.finished
    if end is None:
        return f"{run.id} has not finished, so it wrote no model."
    if end.output is None:
        return f"{run.id} wrote no model: `train --output DIR` writes one."
    folder = Path(end.output)
    if not (folder / WEIGHTS).is_file():
        return f"The model of {run.id} is no longer at {folder}."
    if _spec_written(folder) != run.summary.spec:
        return f"{folder} now holds another model than the one {run.id} wrote."
    return folder


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Each regular file below `folder`, with its path inside it."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield file.relative_to(folder).as_posix(), file


def _spec_written(folder: Path) -> RunSpec | None:
    """The spec that lies with the weights; None where none can be read."""
    try:
        record = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return RunSpec.model_validate_json(json.dumps(record["spec"]))
    except (OSError, ValueError, KeyError, TypeError):  # pydantic's error is a ValueError
        return None
