"""The folder of the model that a run saved."""

from pathlib import Path

from mtl_core.errors import CheckpointError, InvalidRun
from mtl_core.models.base_weights import base_folder, read_base
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunFinished
from mtl_core.training.output_folder import read_spec, written_weights
from mtl_core.training.spec import RunSpec


def saved_model(run: str, spec: RunSpec, end: RunFinished | None) -> Path | str:
    """The folder with the saved model of a run, or an error message with the remedy.

    `end` is the final event of the run, None if it has not finished.
    """
    if end is None:
        return f"Run '{run}' has not finished, so it has no saved model."
    if end.output is None:
        return (
            f"Run '{run}' has no saved model. Run it again with --output DIR, or on the Train "
            "page, which always saves the model."
        )
    folder = Path(end.output)
    if written_weights(folder) is None:
        return f"The model of run '{run}' is no longer at {folder}. Put it back, or run it again."
    if read_spec(folder) != spec:
        return f"{folder} contains another model than that of run '{run}'. Run it again."
    try:
        base = read_base(folder)
        if base is not None:  # its digest is compared when it is read
            base_folder(folder, base, verified=False)
    except CheckpointError as problem:
        return f"The model of run '{run}' is incomplete. {problem}"
    return folder


def model_folder(store: RunStore, run: str) -> Path:
    """The folder with the saved model of `run`.

    Raises UnknownRun, and InvalidRun with the remedy for a run without a saved model.
    """
    record = store.run(run)
    if record.state is not RunState.FINISHED:
        raise InvalidRun(
            f"Run '{run}' is {record.state} and has no saved model. Start from a finished run."
        )
    end = store.latest(run, "run_finished")
    found = saved_model(run, record.spec, end if isinstance(end, RunFinished) else None)
    if isinstance(found, str):
        raise InvalidRun(found)
    return found
