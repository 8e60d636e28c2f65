"""Resumes runs that were cut off, from their last saved state."""

import logging
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from mtl_core.engine.executor.interface import Executor
from mtl_core.errors import BadInput, StoreBlocked, error_message
from mtl_core.settings import Settings
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunRecord, RunRole, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.saved_state import saved_at, saved_events

logger = logging.getLogger(__name__)

_ATTEMPTS = ".attempts"
_SAVING_SECONDS, _POLL_SECONDS = 1.0, 0.02
MOST_ATTEMPTS = 3
"""How often a run is resumed automatically: one that ends its process would never end."""


def resume_run(
    store: RunStore, settings: Settings, run: str, owner: Owner | None = None
) -> tuple[RunRecord, int]:
    """Queue a run again that has ended without finishing; returns it, and the steps it keeps.

    It continues after its last saved step, or starts from its first one if nothing was saved. With
    `owner` it is running already, executed by that process. Raises UnknownRun, and BadInput for a
    run that is active or finished.
    """
    require_resumable(store.run(run))
    with suppress(OSError):
        _attempts_file(settings, run).unlink(missing_ok=True)  # its user may always try again
    return _queue_again(store, settings, run, owner)


def _queue_again(
    store: RunStore, settings: Settings, run: str, owner: Owner | None
) -> tuple[RunRecord, int]:
    events = saved_events(settings.state_folder(run))
    steps = sum(event.event == "step" for event in events)
    if not events:
        shutil.rmtree(settings.state_folder(run), ignore_errors=True)
    return store.resume(run, events, owner), steps


def is_resumable(record: RunRecord) -> bool:
    """Whether a run can be resumed: it has ended, and not finished."""
    ended = record.state.is_final and record.state is not RunState.FINISHED
    return ended and not record.shipped and record.role is not RunRole.REPLACED


def require_resumable(record: RunRecord) -> None:
    """Raises BadInput for a run that is active or finished."""
    if not is_resumable(record):
        replaced = " and another run was queued in its place"
        raise BadInput(
            f"Run '{record.id}' is {record.state}"
            f"{replaced if record.role is RunRole.REPLACED else ''}: only a run that was stopped, "
            "failed or was interrupted can be resumed."
        )


def recover(store: RunStore, settings: Settings, *, resumes: bool) -> list[str]:
    """Mark the runs of ended processes as interrupted; if `resumes`, resume those of the dashboard.

    Runs of the command line are left to their user. Returns the ids of the resumed runs.
    """
    interrupted = store.mark_interrupted()
    return _resume_again(store, settings, interrupted) if resumes else []


def resume_lost(
    store: RunStore, settings: Settings, run: str, reason: str, reserved_for: Owner | None
) -> None:
    """Queue a running run again whose machine was lost; only `reserved_for` may claim it, if given.

    After `MOST_ATTEMPTS` it is interrupted instead, for `reason`. Raises StoreBlocked; the call can
    then be repeated.
    """
    file = _attempts_file(settings, run)
    if not _count_attempt(file):
        store.interrupt(run, reason)
        return
    try:
        _queue_again(store, settings, run, reserved_for)
    except StoreBlocked:
        file.write_bytes(file.read_bytes()[:-1])
        raise
    if reserved_for is not None:  # it is running now, by that process, and is put into the queue
        store.release((run,), reserved_for)


def _resume_again(store: RunStore, settings: Settings, runs: Iterable[str]) -> list[str]:
    resumed = []
    for run in runs:
        record = store.run(run)
        if record.visitor is None or record.started_at is None or not is_resumable(record):
            continue
        if _count_attempt(_attempts_file(settings, run)):
            _queue_again(store, settings, run, None)
            resumed.append(run)
    return resumed


def _attempts_file(settings: Settings, run: str) -> Path:
    return settings.state_folder(run).with_suffix(_ATTEMPTS)


def _count_attempt(file: Path) -> bool:
    """Add an attempt to those in a file, one character each; False for the one too many.

    False too if the disk is full or the folder read-only: the run would be resumed again and again.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as attempts:
            if attempts.tell() >= MOST_ATTEMPTS:
                return False
            attempts.write(b".")
    except OSError as problem:
        logger.warning("A run is not resumed automatically: %s", error_message(problem))
        return False
    return True


def save_states(executor: Executor, settings: Settings, runs: Iterable[str]) -> None:
    """Request the states of runs whose process is about to end, and wait for them for a second.

    A run whose current step takes longer keeps its earlier state.
    """
    earlier = {run: saved_at(settings.state_folder(run)) for run in runs}
    for run in earlier:
        executor.save_state(run)
    until = monotonic() + _SAVING_SECONDS
    while monotonic() < until and any(
        saved_at(settings.state_folder(run)) == time for run, time in earlier.items()
    ):
        sleep(_POLL_SECONDS)


def delete_state(settings: Settings, run: str) -> None:
    """Delete the saved state of a run."""
    shutil.rmtree(settings.state_folder(run), ignore_errors=True)
    with suppress(OSError):  # a folder that cannot be written keeps no server from its start
        _attempts_file(settings, run).unlink(missing_ok=True)
