"""The model that a run wrote: its folder, if that is still the run's own."""

from pathlib import Path

from mtl_core.analysis.summary import RunSummary
from mtl_core.training.folder import WEIGHTS, spec_written


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
    if spec_written(folder) != summary.spec:
        return f"{folder} now holds another model than the one {summary.run} wrote."
    return folder
