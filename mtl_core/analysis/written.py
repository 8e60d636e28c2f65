"""The model that a run wrote: its folder, if that is still the run's own."""

import json
from pathlib import Path

from mtl_core.analysis.summary import RunSummary
from mtl_core.training.folder import RUN, WEIGHTS
from mtl_core.training.spec import RunSpec


def written_model(summary: RunSummary) -> Path | str:
    """The folder that the run wrote, or a sentence on why there is none."""
    end = summary.finished
    if end is None:
        return f"{summary.run} has not finished, so it wrote no model."
    if end.output is None:
        return f"{summary.run} wrote no model: `train --output DIR` writes one."
    folder = Path(end.output)
    if not (folder / WEIGHTS).is_file():
        return f"The model of {summary.run} is no longer at {folder}."
    if _spec_written(folder) != summary.spec:
        return f"{folder} now holds another model than the one {summary.run} wrote."
    return folder


def _spec_written(folder: Path) -> RunSpec | None:
    """The spec that lies with the weights; None where none can be read."""
    try:
        record = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return RunSpec.model_validate_json(json.dumps(record["spec"]))
    except (OSError, ValueError, KeyError, TypeError):  # pydantic's error is a ValueError
        return None
