"""Writes the events of runs to a tracker, as they are stored."""

from collections.abc import Callable, Sequence
from time import sleep

from mtl_core.export.tracking.trackers import TrackedRun, Tracker
from mtl_core.export.tracking.values import metrics, step_of
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore

_POLL_SECONDS = 1.0
_NOT_DRAWN = {"answers"}


def track(
    store: RunStore,
    runs: Sequence[str],
    tracker: Tracker,
    on_end: Callable[[str], None] = lambda _run: None,
) -> None:
    """Write runs to a tracker until all have ended; `on_end` is called with each that has.

    A run that is resumed meanwhile repeats events bit for bit, which are written once.
    """
    left = {run: _FollowedRun(store, run, tracker) for run in dict.fromkeys(runs)}
    while left:
        for run, followed in tuple(left.items()):
            if followed.write():
                del left[run]
                on_end(run)
        if left:
            sleep(_POLL_SECONDS)


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
        return record.state.is_final
