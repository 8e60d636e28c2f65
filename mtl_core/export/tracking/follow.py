"""Writes the events of runs to a tracker, as they are stored."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic, sleep

from mtl_core.errors import StoreBlocked, UnknownRun
from mtl_core.export.tracking.trackers import TrackedRun, Tracker
from mtl_core.export.tracking.values import metrics, step_of
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore

_POLL_SECONDS, _LOST_SECONDS = 1.0, 15.0
_NOT_DRAWN = {"answers"}


def track(
    store: RunStore,
    runs: Sequence[str],
    tracker: Tracker,
    on_end: Callable[[str], None] = lambda _run: None,
) -> None:
    """Write runs to a tracker until all have ended; `on_end` is called with each that has.

    A run that is resumed meanwhile repeats events bit for bit, which are written once. A run that
    is deleted meanwhile is left as it is. While the store is blocked, nothing is written.
    """
    left = {run: _FollowedRun(store, run, tracker) for run in dict.fromkeys(runs)}
    looked_at = monotonic()
    try:
        while True:
            for run in [run for run, followed in left.items() if _written(followed)]:
                del left[run]
                on_end(run)
            if not left:
                return
            sleep(_POLL_SECONDS)
            if monotonic() - looked_at > _LOST_SECONDS:
                looked_at = monotonic()
                with suppress(StoreBlocked):
                    store.mark_interrupted()  # otherwise a run of a killed server never ends
    finally:
        for followed in left.values():
            followed.close()


def _written(followed: "_FollowedRun") -> bool:
    """Write the new events of a run; whether there are no more."""
    try:
        return followed.write()
    except StoreBlocked:
        return False
    except UnknownRun:
        followed.close()
        return True


class _FollowedRun:
    def __init__(self, store: RunStore, run: str, tracker: Tracker) -> None:
        self._store, self._id, self._tracker = store, run, tracker
        self._tracked: TrackedRun | None = None
        self._seen, self._step = 0, 0

    def write(self) -> bool:
        """Write the new events; whether the run has ended."""
        record = self._store.run(self._id)  # before its events: none is added after its end
        if self._tracked is None and (record.last_event or record.state.is_final):
            self._tracked = self._tracker.start(record)
        if self._tracked is None or record.state is RunState.WAITING:
            return False
        for number, event in self._store.events(self._id, self._seen):
            self._seen = number
            step = step_of(event)
            self._step = self._step if step is None else step
            if event.event not in _NOT_DRAWN and (found := metrics(event)):
                self._tracked.add(found, self._step, event.elapsed_seconds)
        if record.state.is_final:
            self._tracked.end(record)
            self._tracked.close()
        return record.state.is_final

    def close(self) -> None:
        """Write what is buffered of a run that is no longer followed."""
        if self._tracked is not None:
            self._tracked.close()
