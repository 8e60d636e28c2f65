"""Writes the events of a run to the store, steps in batches."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic

from mtl_core.errors import FreezeLabError, StoreBlocked
from mtl_core.store.record import RunRecord
from mtl_core.store.runs import RunStore
from mtl_core.training.events import (
    FINAL_EVENTS,
    RunEvent,
    RunFailed,
    RunFinished,
    RunStopped,
    Step,
)
from mtl_core.training.starting import Starting

logger = logging.getLogger(__name__)

BATCH_SECONDS = 0.3
"""`step` events are buffered for up to this long; any other event is written at once."""


class RunWriter:
    """Buffers the events of one running run and writes them to the store.

    `ended` becomes true once the final event is written, or once the store rejects events because
    the run was deleted, has already ended, or was given to another process.
    """

    def __init__(self, store: RunStore, run: RunRecord) -> None:
        self.run = run
        self.ended = False
        self.final_event: RunEvent | None = None
        self._store = store
        self._began = monotonic()
        self._latest_seconds = 0.0
        self._stored = run.last_event  # events that are certainly in the store
        self._buffer: list[RunEvent] = []
        self._buffered_since = 0.0

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the run was claimed, and never fewer than those of its latest event."""
        return max(monotonic() - self._began, self._latest_seconds)

    def add(self, event: RunEvent) -> RunEvent:
        """Buffer an event and write the buffer if it is due; the event as it is written.

        While the store is blocked, events are written later. Raises StoreBlocked
        for a final one.
        """
        event = self.buffer(event)
        if self.due:
            try:
                self.flush()
            except StoreBlocked as problem:
                if self.final_event is not None:
                    raise
                logger.warning("Events of a run are written later: %s", problem)
        return event

    def buffer(self, event: RunEvent) -> RunEvent:
        """Buffer an event without writing it; the event as it will be written.

        A run that was resumed counts from its first start, but a process that describes the end of
        its copy does not. So a run that fails has at least the seconds of its latest event.
        """
        if isinstance(event, RunFailed) and event.elapsed_seconds < self._latest_seconds:
            event = event.model_copy(update={"elapsed_seconds": self._latest_seconds})
        self._latest_seconds = event.elapsed_seconds
        if isinstance(event, RunFinished):
            event = self._with_neighbours(event)
        if not self._buffer:
            self._buffered_since = monotonic()
        self._buffer.append(event)
        if isinstance(event, FINAL_EVENTS):
            self.final_event = event
        return event

    @property
    def due(self) -> bool:
        """Whether the buffer holds an event other than a step, or one for `BATCH_SECONDS`."""
        waited = self._buffer and monotonic() - self._buffered_since >= BATCH_SECONDS
        return bool(waited) or any(not isinstance(event, Step) for event in self._buffer)

    def _with_neighbours(self, event: RunFinished) -> RunFinished:
        """Add the number of jobs beside the run, unless the store cannot be read."""
        with suppress(FreezeLabError):
            beside = self._store.trained_beside(self.run.id)
            return event.model_copy(update={"trained_beside": beside})
        return event

    def begin_stage(self, starting: Starting) -> Starting:
        """Write a stage of the run, at once; the same stage. A blocked store misses it."""
        added = {"elapsed_seconds": self.elapsed_seconds}
        with suppress(FreezeLabError):
            self._store.add_stage(
                self.run.id, starting.model_copy(update=added), pending=len(self._buffer)
            )
        return starting

    def flush(self) -> None:
        """Write the buffer in one transaction."""
        flush_together(self._store, [self])

    def resumable(self) -> bool:
        """Write the buffer of a run whose machine was lost; whether the run can continue.

        It cannot if it was deleted, or if its end was requested: it is then stopped.
        """
        self.flush()
        if not self.ended and self._store.stop_requested(self.run.id):
            self.stop("Stopped on request, while its machine was lost.")
        return not self.ended

    def _written(self, accepted: bool) -> None:
        self._stored += len(self._buffer)
        self._buffer = []
        self.ended = not accepted or self.final_event is not None

    def fail(self, problem: Exception) -> RunFailed:
        """End the run as failed; the event that was written."""
        event = RunFailed.of(problem, self.elapsed_seconds)
        self.add(event)
        return event

    def stop(self, reason: str) -> RunStopped:
        """End the run as stopped; the event that was written."""
        event = RunStopped(elapsed_seconds=self.elapsed_seconds, reason=reason)
        self.add(event)
        return event


def flush_together(store: RunStore, writers: Iterable[RunWriter]) -> None:
    """Write the buffers of several writers in one transaction."""
    buffers = {each.run.id: each for each in writers if each._buffer}
    if buffers:
        accepted = store.append_all(
            {run: each._buffer for run, each in buffers.items()},
            {run: each.run.owner for run, each in buffers.items()},
            {run: each._stored for run, each in buffers.items()},
        )
        for run, each in buffers.items():
            each._written(run in accepted)
