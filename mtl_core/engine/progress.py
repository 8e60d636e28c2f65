"""One run on its way from the trainer into the store."""

from collections.abc import Sequence
from time import monotonic

from mtl_core.store.record import RunRecord
from mtl_core.store.runs import RunStore
from mtl_core.training.events import LAST_WORDS, RunEvent, RunFailed, RunStopped, Step

BATCH_SECONDS = 0.3
"""Steps wait up to this long to be written together; everything else is written at once."""


class Progress:
    """What a run has said, in the store but for the steps of the last moment.

    `ended` turns true with the run's last word, or where the store no longer wants to hear of it.
    """

    def __init__(self, store: RunStore, run: RunRecord) -> None:
        self.run = run
        self.ended = False
        self.last_word: RunEvent | None = None
        self._store = store
        self._began = monotonic()
        self._unwritten: list[RunEvent] = []
        self._oldest_unwritten = 0.0

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the run was claimed."""
        return monotonic() - self._began

    def said(self, event: RunEvent) -> None:
        """Take one event; write if it is due."""
        if not self._unwritten:
            self._oldest_unwritten = monotonic()
        self._unwritten.append(event)
        if isinstance(event, LAST_WORDS):
            self.last_word = event
        if not isinstance(event, Step):
            self.write()
        else:
            self.write_if_due()

    def write_if_due(self) -> None:
        """Write what has waited long enough."""
        if self._unwritten and monotonic() - self._oldest_unwritten >= BATCH_SECONDS:
            self.write()

    def write(self) -> None:
        """Write what waits."""
        if self._unwritten:
            self._append(self._unwritten)
            self._unwritten = []

    def fail(self, reason: str) -> None:
        """End the run as failed, for a reason its child could not give itself."""
        self.said(RunFailed(elapsed_seconds=self.elapsed_seconds, reason=reason))

    def stop(self, reason: str) -> None:
        """End the run as stopped, where its child did not do so itself."""
        self.said(RunStopped(elapsed_seconds=self.elapsed_seconds, reason=reason))

    def _append(self, events: Sequence[RunEvent]) -> None:
        wanted = self._store.append(self.run.id, events)
        self.ended = not wanted or self.last_word is not None
