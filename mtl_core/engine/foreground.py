"""Executes a run in this process, for a command that waits for it."""

from collections.abc import Callable
from pathlib import Path

from mtl_core.engine.run_writer import RunWriter
from mtl_core.errors import BadInput
from mtl_core.settings import Settings
from mtl_core.store.model_folder import model_folder
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunEvent
from mtl_core.training.spec import RunSpec


class StopRun(Exception):
    """Raised by `on_event` to stop the run. The message is the reason that the store keeps."""


def run_in_foreground(
    store: RunStore,
    settings: Settings,
    spec: RunSpec,
    output: Path | None,
    on_event: Callable[[RunEvent], None],
) -> None:
    """Fine-tune in this process and write the events to the store; blocks until the run ends.

    Each event is passed to `on_event` after it was added to the writer. The model is saved in
    `output`, if it is given. An exception ends the run with a final event and is raised again:

    - BadInput before the first event also removes the run from the store.
    - StopRun and KeyboardInterrupt mark the run as stopped.
    - Any other exception marks it as failed.
    """
    from mtl_core.training.prefix.store import PrefixStore
    from mtl_core.training.run import fine_tune  # imports torch, which takes seconds

    start = model_folder(store, spec.starts_from) if spec.starts_from else None
    run = store.add(spec, RunState.RUNNING)
    writer = RunWriter(store, run)
    prefixes = PrefixStore.of(settings)
    started = False

    def stop_requested() -> bool:
        return store.stop_requested(run.id)

    try:
        for event in fine_tune(
            spec, run.id, output, stop_requested, settings.owner_access, prefixes, start
        ):
            started = True
            writer.add(event)
            on_event(event)
    except BadInput as problem:
        writer.fail(problem)
        if not started:
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
