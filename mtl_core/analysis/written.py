"""Finds the saved model of a run and checks that it is still the model of this run."""

from pathlib import Path

from mtl_core.analysis.summary import RunSummary
from mtl_core.training.folder import WEIGHTS, spec_written


def written_model(summary: RunSummary) -> Path | str:
    """The folder of the run's saved model, or a sentence on why it is not available."""
    end = summary.finished
    if end is None:
        return f"{summary.run} has not finished, so it has no saved model."
    if end.output is None:
        return f"{summary.run} has no saved model: `train --output DIR` saves one."
    folder = Path(end.output)
    if not (folder / WEIGHTS).is_file():
        return f"The model of {summary.run} is no longer at {folder}."
    if spec_written(folder) != summary.spec:
        return f"{folder} now contains another model than that of {summary.run}."
    return folder
