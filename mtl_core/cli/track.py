"""The `track` command: writes runs to MLflow or TensorBoard, while they are trained or later."""

from contextlib import closing
from typing import Annotated

import typer

from mtl_core.cli.stored_runs import runs_named
from mtl_core.export.tracking.follow import track as follow
from mtl_core.export.tracking.trackers import TrackerKind, mlflow_uri, open_tracker
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from mtl_core.text import counted


def track(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN", help="Ids from `runs list`. The id of a comparison means all its runs."
        ),
    ],
    to: Annotated[TrackerKind, typer.Option("--to", help="The program that shows the runs.")],
    place: Annotated[
        str,
        typer.Option(
            "--place",
            metavar="DIR|URI",
            help="The folder to write into; for mlflow also the URI of a tracking server.",
        ),
    ],
) -> None:
    """Write runs to MLflow or TensorBoard, and follow those that have not ended.

    Each run has its options, its plan, and its losses, scores and rates by step.
    """
    with closing(RunStore(Settings.from_environment().database)) as store:
        store.mark_interrupted()
        ids = runs_named(store, runs)
        tracker = open_tracker(to, place)
        follow(store, ids, tracker, lambda run: print(f"{run} is written to {place}."))
        opens = f"mlflow ui --backend-store-uri {mlflow_uri(place)}"
        if to is TrackerKind.TENSORBOARD:
            opens = f"tensorboard --logdir {place}"
        print(f"{counted(len(ids), 'run')} in {place}. Open it with: {opens}")
