"""Where the model lies that a finished run wrote."""

from pathlib import Path

from mtl_core.errors import InvalidRun
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunFinished
from mtl_core.training.folder import WEIGHTS, spec_written


def model_folder(store: RunStore, run: str) -> Path:
    """The folder with the weights of `run`, still its own.

    Raises UnknownRun for a run that is not there, InvalidRun for one without a model, with what to
    do about it.
    """
    record = store.run(run)
    if record.state is not RunState.FINISHED:
        raise InvalidRun(
            f"Run '{run}' is {record.state} and has no model. Go on from a run that has finished."
        )
    ends = [event for _, event in store.events(run, kinds=["run_finished"])]
    output = ends[-1].output if ends and isinstance(ends[-1], RunFinished) else None
    if output is None:
        raise InvalidRun(
            f"Run '{run}' wrote no model. Run it again with --output DIR, or on the Train page, "
            "which always writes one."
        )
    folder = Path(output)
    if not (folder / WEIGHTS).is_file():
        raise InvalidRun(
            f"The model of run '{run}' is no longer at {folder}. Put it back, or run it again."
        )
    if spec_written(folder) != record.spec:
        raise InvalidRun(
            f"{folder} now holds another model than the one that run '{run}' wrote. Run it again."
        )
    return folder
