"""The supervisor thread: executes queued runs one after another in a trainer process."""

import logging
import threading
from collections.abc import Sequence
from time import monotonic

from mtl_core.engine.child import ChildProcess, module_argv
from mtl_core.engine.comparisons import advance, advance_all
from mtl_core.engine.protocol import EventMessage, Stop, Train
from mtl_core.engine.purge import purge_deleted
from mtl_core.engine.run_writer import RunWriter
from mtl_core.errors import ChildDied
from mtl_core.settings import Settings
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunFinished, RunStopped

logger = logging.getLogger(__name__)

ARGV = tuple(module_argv("mtl_core.engine.trainer_child"))

_RECEIVE_SECONDS = 0.2  # time spent on receiving events between two checks of the run's state
_STOP_SECONDS = 1.2  # from a stop request to a kill: under 2 s in all
_POLL_SECONDS = 1.0  # between two checks for runs that other processes queued
_HEARTBEAT_SECONDS = 15.0
_IDLE_SECONDS = 600.0  # an idle trainer holds hundreds of megabytes, so it is ended after this


class Supervisor:
    """Executes queued runs one at a time in a trainer process, controlled by its own thread.

    Only `close` ends the thread. An error in a run is written as that run's final event, and the
    next run gets a new trainer. With `reserved`, only runs reserved for `owner` are executed.
    """

    def __init__(
        self,
        store: RunStore,
        settings: Settings,
        child_argv: Sequence[str] = ARGV,
        owner: Owner | None = None,
        reserved: bool = False,
    ) -> None:
        self._store, self._settings, self._argv = store, settings, child_argv
        self._owner = owner or Owner.this_process()
        self._reserved = reserved
        self._child: ChildProcess | None = None
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._warm_up_requested = threading.Event()
        self._last_housekeeping = self._last_use = float("-inf")
        self._pending: list[RunWriter] = []
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the thread. It begins with the runs that an earlier server left in the queue."""
        self._thread.start()

    def wake(self) -> None:
        """Check the queue now, because a run was added."""
        self._wake.set()

    def warm_up(self) -> None:
        """Start the trainer before a run is queued, which saves the five seconds to load torch."""
        self._warm_up_requested.set()
        self._wake.set()

    @property
    def child_pid(self) -> int | None:
        """The process id of the trainer; None if there is none."""
        child = self._child
        return child.pid if child is not None and child.alive else None

    def close(self) -> None:
        """End the trainer and the thread.

        The current run becomes interrupted. Queued runs stay in the queue for the next server.
        """
        self._closing.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _supervise(self) -> None:
        while not self._closing.is_set():
            try:
                self._flush_pending()
                self._housekeeping()
                run = self._store.claim_next(self._owner, self._reserved)
                if run is not None:
                    self._run_to_end(run)
                    if run.comparison is not None:
                        advance(self._store, self._settings, run.comparison)
                    continue
                self._warm_up_or_end_idle_child()
            except Exception:
                logger.exception("The supervisor failed between two runs and will try again.")
            self._wake.wait(_POLL_SECONDS)
            self._wake.clear()
        self._end_child()

    def _warm_up_or_end_idle_child(self) -> None:
        if self._warm_up_requested.is_set():
            self._warm_up_requested.clear()
            self._last_use = monotonic()
            self._running_child()
        elif self._child is not None and monotonic() - self._last_use > _IDLE_SECONDS:
            self._end_child()

    def _run_to_end(self, run: RunRecord) -> None:
        """Execute a run. Every error is written as the run's final event."""
        writer = RunWriter(self._store, run)
        try:
            self._execute(writer)
        except Exception as problem:
            if not isinstance(problem, ChildDied):
                logger.exception("Supervising run %s failed.", run.id)
            self._end_child()
            self._fail(writer, problem)
        self._last_use = monotonic()

    def _fail(self, writer: RunWriter, problem: Exception) -> None:
        try:
            writer.fail(problem)
        except Exception:
            logger.exception("The final event of %s could not be written yet.", writer.run.id)
            self._pending.append(writer)

    def _flush_pending(self) -> None:
        """Write the final events that could not be written before."""
        while self._pending:
            self._pending[-1].flush()
            self._pending.pop()

    def _execute(self, writer: RunWriter) -> None:
        run = writer.run
        child = self._running_child()
        child.send(self._train_message(run))
        kill_at: float | None = None
        while not writer.ended:
            self._receive_events(child, writer)
            if self._closing.is_set():
                self._interrupt(writer)
                return
            if kill_at is None and self._store.stop_requested(run.id):
                child.send(Stop(run=run.id))
                kill_at = monotonic() + _STOP_SECONDS
            if kill_at is not None and monotonic() >= kill_at and not writer.ended:
                self._end_child()
                writer.stop("Stopped on request, in the middle of a step.")
            self._housekeeping()
        if not isinstance(writer.final_event, RunFinished | RunStopped):
            self._end_child()  # after a failure the process may be in a bad state

    def _train_message(self, run: RunRecord) -> Train:
        others = self._store.comparison(run.comparison).runs if run.comparison else ()
        return Train(
            run=run.id,
            spec=run.spec,
            output=str(self._settings.run_folder(run.id)) if run.keeps_model else None,
            access=self._settings.owner_access if self._reserved else self._settings.browser_access,
            waiting=tuple(each.spec for each in others if each.state is RunState.WAITING),
        )

    def _receive_events(self, child: ChildProcess, writer: RunWriter) -> None:
        """Receive events for `_RECEIVE_SECONDS` at most, however fast they arrive."""
        until = monotonic() + _RECEIVE_SECONDS
        while not writer.ended and (left := until - monotonic()) > 0:
            message = child.receive(left)
            if isinstance(message, EventMessage) and message.run == writer.run.id:
                writer.add(message.event)
        writer.flush_if_due()

    def _interrupt(self, writer: RunWriter) -> None:
        self._end_child()
        if not writer.ended:
            writer.flush()
            self._store.interrupt(writer.run.id, "Freeze Lab was closed during this run.")

    def _running_child(self) -> ChildProcess:
        if self._child is not None and not self._child.alive:
            self._end_child()
        if self._child is None:
            self._child = ChildProcess(self._argv)
        return self._child

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _housekeeping(self) -> None:
        """Every 15 s: write a heartbeat, mark interrupted runs, purge deleted ones and schedule
        the next runs of comparisons."""
        if monotonic() - self._last_housekeeping < _HEARTBEAT_SECONDS:
            return
        self._last_housekeeping = monotonic()
        self._store.heartbeat(self._owner)
        self._store.mark_interrupted()
        purge_deleted(self._store, self._settings)
        advance_all(self._store, self._settings)
