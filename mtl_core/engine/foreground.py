"""Executes a run in this process, for a command that waits for it."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from mtl_core.engine.run_writer import RunWriter
from mtl_core.errors import BadInput
from mtl_core.settings import Settings
from mtl_core.store.model_folder import model_folder
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunEvent
from mtl_core.training.imports import import_training_packages
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Report, Stage, Stages, Starting
from mtl_core.training.together.rule import only_heads_learn

STOP_SECONDS = 0.5
"""The store is searched for a stop request at most this often: a query takes as long as a short
step of the heads."""


class StopRun(Exception):
    """Raised by `on_event` to stop the run. The message is the reason that the store keeps."""


class StopRequests:
    """Whether the stop of a run was requested, read from the store every `STOP_SECONDS`."""

    def __init__(self, store: RunStore, run: str) -> None:
        self._store, self._run = store, run
        self._requested, self._read_at = False, -STOP_SECONDS

    def __call__(self) -> bool:
        """Whether the stop was requested, when the store was last read."""
        if monotonic() - self._read_at >= STOP_SECONDS:
            self._requested = self._store.stop_requested(self._run)
            self._read_at = monotonic()
        return self._requested


def run_in_foreground(
    store: RunStore,
    settings: Settings,
    spec: RunSpec,
    output: Path | None,
    on_event: Callable[[RunEvent], None],
    resumed: RunRecord | None = None,
    on_stage: Report = lambda _: None,
) -> None:
    """Fine-tune in this process and write the events to the store; blocks until the run ends.

    Each event is passed to `on_event` after it was added to the writer, and each stage before the
    first step to `on_stage`. The model is saved in `output`, if it is given. `resumed` is a run
    that continues. An exception ends the run with a final event and is raised again:

    - BadInput before the first event also removes the run from the store.
    - StopRun and KeyboardInterrupt mark the run as stopped.
    - Any other exception marks it as failed.
    """
    on_stage(Starting(stage=Stage.IMPORTS))
    import_training_packages(encoders=not only_heads_learn(spec))
    from mtl_core.training.prefix.store import PrefixStore
    from mtl_core.training.run import fine_tune

    start = model_folder(store, spec.starts_from) if spec.starts_from else None
    run = resumed or store.add(spec, RunState.RUNNING)
    writer = RunWriter(store, run)
    prefixes = PrefixStore.of(settings)
    started = resumed is not None
    try:
        for event in fine_tune(
            spec,
            run.id,
            output,
            StopRequests(store, run.id),
            settings.owner_access,
            prefixes,
            start,
            state=settings.state_folder(run.id),
            state_seconds=settings.state_seconds,
            stages=Stages(lambda starting: on_stage(writer.begin_stage(starting))),
        ):
            started = True
            on_event(writer.add(event))
    except BadInput as problem:
        failed = writer.fail(problem)
        if started:
            on_event(failed)
        else:
            store.delete(run.id)
        raise
    except StopRun as problem:
        writer.stop(str(problem))
        raise
    except KeyboardInterrupt:
        on_event(writer.stop("Interrupted."))
        raise
    except Exception as problem:
        on_event(writer.fail(problem))
        raise
