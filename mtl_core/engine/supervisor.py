"""The supervisor thread: gives queued runs to an executor and writes their events."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic

from cachetools import LRUCache

from mtl_core.engine.capacity import Capacity, Demand, capacity_here, has_room, in_use
from mtl_core.engine.comparisons import advance, advance_all
from mtl_core.engine.data_reader import DataReader
from mtl_core.engine.demand import demand_of
from mtl_core.engine.executor.interface import Executor
from mtl_core.engine.protocol import Lost, Separate, StartingMessage, Train
from mtl_core.engine.purge import purge_deleted, purge_uploads
from mtl_core.engine.resuming import delete_state, recover, resume_lost, save_states
from mtl_core.engine.run_writer import RunWriter, flush_together
from mtl_core.errors import StoreBlocked
from mtl_core.settings import Settings
from mtl_core.store.model_folder import model_folder
from mtl_core.store.owner import Owner
from mtl_core.store.queue import Group, only_first
from mtl_core.store.record import RunRecord
from mtl_core.store.runs import RunStore
from mtl_core.tasks.data_sources import ReadsData
from mtl_core.training.events import RunFinished

logger = logging.getLogger(__name__)

_RECEIVE_SECONDS = 0.2  # time spent on receiving events between two checks of the runs' states
_STOP_SECONDS = 1.2  # from a stop request to a kill: under 2 s in all
_POLL_SECONDS = 1.0  # between two looks at the queue, for what other processes changed
_HEARTBEAT_SECONDS = 15.0
_WORTH_SAVING_SECONDS = 5.0  # a shorter run is sooner repeated than waited for when closing
_MAX_DEMANDS = 256
_CLOSED = "Freeze Lab was closed during this run. Resume it to continue after its last saved step."


@dataclass(slots=True, eq=False)
class _RunningRun:
    """A run that the executor has, as part of a job that needs `demand`.

    `kill_at` is set once the end of the run was requested.
    """

    writer: RunWriter
    job: str  # its first run
    demand: Demand
    kill_at: float | None = None

    @property
    def id(self) -> str:
        """The id of the run."""
        return self.writer.run.id


class Supervisor:
    """Executes queued runs by `executor`, controlled by its own thread.

    The next run of the queue starts as soon as it fits beside the running ones (`has_room`);
    `capacity` returns what there is for all runs. A run whose machine was lost continues on
    another one. An error in a run is written as that run's final
    event; other runs are not affected. With `reserved`, only runs reserved for `owner` are
    executed. `group` selects the waiting runs of a comparison that are trained together in one
    job. `load_data` reads the data of a run, None: in this process. Only `close` ends the thread.
    """

    def __init__(
        self,
        store: RunStore,
        settings: Settings,
        executor: Executor,
        owner: Owner | None = None,
        reserved: bool = False,
        group: Group = only_first,
        capacity: Callable[[], Capacity] | None = None,
        load_data: ReadsData | None = None,
    ) -> None:
        self._store, self._settings, self._executor = store, settings, executor
        self._owner = owner or Owner.this_process()
        self._reserved, self._group = reserved, group
        self._access = settings.owner_access if reserved else settings.browser_access
        self._load_data = load_data or DataReader(self._access).dataset
        self.capacity = capacity or (
            lambda: executor.capacity() or capacity_here(settings, executor.pids)
        )
        self._running: dict[str, _RunningRun] = {}
        self._demands: LRUCache[str, Demand] = LRUCache(_MAX_DEMANDS)
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._warm_up_requested = threading.Event()
        self._last_housekeeping = float("-inf")
        self._last_look = float("-inf")
        self._pending: list[RunWriter] = []
        self._lost: list[tuple[RunWriter, str]] = []  # runs whose machine was lost, with the reason
        self._blocked = False  # whether the store could not be written the last time
        self._alone: set[str] = set()  # runs that could not be trained together with others
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the thread. It begins with the runs that an earlier server left in the queue."""
        self._thread.start()

    def wake(self) -> None:
        """Check the queue now, because a run was added."""
        self._wake.set()

    def warm_up(self) -> None:
        """Start a trainer before a run is queued, which saves the five seconds to load torch.

        Nothing is started while a run trains, because it needs the processor, or if the settings
        forbid it.
        """
        if not self._settings.warm_up:
            return
        self._warm_up_requested.set()
        self._wake.set()

    @property
    def trainer_pids(self) -> tuple[int, ...]:
        """The process ids of the trainers."""
        return self._executor.pids

    def close(self) -> None:
        """End the executor and the thread.

        The running runs become interrupted, with a state of this moment if their current step ends
        within a second. Queued runs stay in the queue for the next server.
        """
        self._closing.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _supervise(self) -> None:
        while not self._closing.is_set():
            try:
                self._work()
            except StoreBlocked as problem:
                self._wait_for_store(problem)
            except Exception:
                logger.exception("The supervisor failed and will try again.")
                self._closing.wait(_POLL_SECONDS)
        save_states(self._executor, self._settings, self._worth_saving())
        self._executor.close()
        with suppress(Exception):  # what cannot be written now is found by the next server
            self._flush_pending()
        for running in self._running.values():
            self._interrupt(running.writer)

    def _wait_for_store(self, problem: StoreBlocked) -> None:
        """Pause before the store is tried again. The running runs continue meanwhile."""
        if not self._blocked:
            logger.warning("The run store is tried again every second: %s", problem)
        self._blocked = True
        self._closing.wait(_POLL_SECONDS)

    def _work(self) -> None:
        """End the requested runs, write events for a fifth of a second, and look at the queue.

        The queue is read when it may have changed: it was changed here, a run has ended, or a
        second has passed, since other processes change it too.

        An error that prevents a start does not affect the running runs.
        """
        self._flush_pending()
        self._housekeeping()
        if self._warm_up_requested.is_set():
            self._warm_up_requested.clear()
            if not self._running:
                self._executor.prepare()
        if self._running:
            self._end_requested_runs()
            self._receive_events()
        else:
            self._executor.receive(0.0)  # lets it end idle processes
        if self._wake.is_set() or monotonic() - self._last_look >= _POLL_SECONDS:
            self._wake.clear()
            self._last_look = monotonic()
            self._start_runs()
        if not self._running:
            self._wake.wait(_POLL_SECONDS)

    def _start_runs(self) -> None:
        """Submit waiting runs while there is room."""
        while runs := self._store.claim_job(
            self._owner, self._reserved, self._has_room, self._together
        ):
            demand = self._demand(runs[0])
            for run in runs:
                writer = RunWriter(self._store, run)
                self._running[run.id] = _RunningRun(writer, runs[0].id, demand)
            try:
                self._executor.submit(self._train_messages(runs), demand)
                for run in runs:
                    logger.info("run started", extra={"run": run.id})
            except Exception as problem:
                logger.exception("Starting a run failed.", extra={"run": runs[0].id})
                for run in runs:
                    self._fail(self._running[run.id], problem)

    def _has_room(self, run: RunRecord) -> bool:
        """Whether a run fits beside the running ones, also beside those of other processes.

        Without own runs it always does, so that no process waits for another one. A run whose
        starting point is still being trained has to wait for it.
        """
        start = run.spec.starts_from
        if start is not None and any(each.id == start for each in self._store.running()):
            return False
        if not self._running:
            return True
        own = {each.job: each.demand for each in self._running.values()}
        others = {
            each.job: in_use(self._demand(each))
            for each in self._store.running()
            if each.id not in self._running
        }
        return has_room(self._demand(run), [*own.values(), *others.values()], self.capacity())

    def _demand(self, run: RunRecord) -> Demand:
        """The demand of a run; it is computed once, because that takes milliseconds."""
        if run.id not in self._demands:
            self._demands[run.id] = demand_of(run, self._settings, self._access, self._load_data)
        return self._demands[run.id]

    def _fail(self, running: _RunningRun, problem: Exception) -> None:
        """End a run because of an error of this process or of the store."""
        self._executor.end(running.id)
        self._write_end(running, lambda: running.writer.fail(problem))

    def _write_end(self, running: _RunningRun, write: Callable[[], object]) -> None:
        """Write the final event of a run, now or later, and continue its comparison."""
        try:
            write()
        except Exception:
            self._postpone(running)
        else:
            self._note_end(running)

    def _flush_pending(self) -> None:
        """Write the final events that could not be written before, and resume lost runs."""
        while self._pending:
            self._pending[-1].flush()
            self._pending.pop()
        while self._lost:
            writer, reason = self._lost[-1]
            if writer.resumable():
                owner = self._owner if self._reserved else None
                resume_lost(self._store, self._settings, writer.run.id, reason, owner)
            self._lost.pop()

    def _end_requested_runs(self) -> None:
        """Stop the runs whose end was requested; end those that did not stop in time."""
        for running in tuple(self._running.values()):
            if running.kill_at is None and self._store.stop_requested(running.id):
                self._executor.stop(running.id)
                running.kill_at = monotonic() + _STOP_SECONDS
            if running.kill_at is not None and monotonic() >= running.kill_at:
                self._executor.end(running.id)
                reason = "Stopped on request, in the middle of a step."
                self._write_end(running, partial(running.writer.stop, reason))

    def _receive_events(self) -> None:
        """Receive events for `_RECEIVE_SECONDS` at most, however fast they arrive, and write them.

        The end of a run is written at once, with everything that has arrived.
        """
        until, ending = monotonic() + _RECEIVE_SECONDS, False
        while (left := until - monotonic()) > 0:
            message = self._executor.receive(0.0 if ending else left)
            if message is None:
                break
            if isinstance(message, Separate):
                self._release(message.runs)
                break
            if isinstance(message, Lost):
                self._note_lost(message)
                continue
            running = self._running.get(message.run)
            if running is None or running.writer.final_event is not None:
                continue
            if isinstance(message, StartingMessage):
                running.writer.begin_stage(message.starting)
                continue
            running.writer.buffer(message.event)
            ending |= running.writer.final_event is not None
        self._write_events([each for each in self._running.values() if each.writer.due])

    def _write_events(self, due: Sequence[_RunningRun]) -> None:
        """Write the buffered events of several runs in one transaction.

        If the store is blocked, the runs continue and their events are written later. If writing
        fails otherwise, each run is written by itself, so that one run cannot harm another.
        """
        try:
            flush_together(self._store, [each.writer for each in due])
            self._blocked = False
        except StoreBlocked as problem:
            self._keep_events(due, problem)
        except Exception:
            for each in due:
                self._write(each)
        for each in tuple(self._running.values()):
            self._note_end(each)

    def _write(self, running: _RunningRun) -> None:
        """Write the buffered events of one run."""
        try:
            running.writer.flush()
        except Exception as problem:
            if running.writer.final_event is None:
                logger.exception("Supervising a run failed.", extra={"run": running.id})
                self._fail(running, problem)
            else:
                self._postpone(running)

    def _keep_events(self, due: Sequence[_RunningRun], problem: StoreBlocked) -> None:
        """Leave events in memory while the store is locked or the disk is full."""
        if not self._blocked:
            logger.warning("Events of runs are written later: %s", problem)
        self._blocked = True
        for each in due:
            if each.writer.final_event is not None:
                self._postpone(each)

    def _note_end(self, running: _RunningRun) -> None:
        """Forget a run whose last event is written, and continue its comparison."""
        writer = running.writer
        if not writer.ended:
            return
        self._forget(running.id)
        logger.info("run ended", extra={"run": running.id})
        if writer.final_event is None:  # the run was deleted
            self._executor.end(running.id)
        if isinstance(writer.final_event, RunFinished):  # its trainer may be elsewhere
            delete_state(self._settings, running.id)
        if writer.final_event is not None and writer.run.comparison is not None:
            advance(self._store, self._settings, writer.run.comparison)

    def _postpone(self, running: _RunningRun) -> None:
        """Forget a run whose final event cannot be written yet; it is written later."""
        logger.exception("A final event could not be written yet.", extra={"run": running.id})
        self._pending.append(running.writer)
        self._forget(running.id)

    def _forget(self, run: str) -> None:
        """Remove a run from the running ones; its room may be enough for a waiting one."""
        self._running.pop(run, None)
        self._wake.set()

    def _note_lost(self, message: Lost) -> None:
        """Forget runs whose machine was lost; they are resumed as soon as the store permits."""
        for run in message.runs:
            if (running := self._running.get(run)) is not None:
                logger.warning("run lost: %s", message.reason, extra={"run": run})
                self._lost.append((running.writer, message.reason))
                self._forget(run)

    def _release(self, runs: Sequence[str]) -> None:
        """Return runs that cannot be trained together to the queue; each becomes a job."""
        for run in runs:
            self._forget(run)
        self._alone.update(runs)
        self._store.release(runs, self._owner if self._reserved else None)

    def _together(self, first: RunRecord, others: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
        """The runs of a job; those that cannot be trained together are jobs of their own."""
        if first.id in self._alone:
            return (first,)
        return self._group(first, [each for each in others if each.id not in self._alone])

    def _worth_saving(self) -> list[str]:
        """The running runs that would lose more than a few seconds without a new state."""
        jobs = [each.job for each in self._running.values()]
        return [
            each.id
            for each in self._running.values()
            if jobs.count(each.job) == 1 and each.writer.elapsed_seconds >= _WORTH_SAVING_SECONDS
        ]

    def _interrupt(self, writer: RunWriter) -> None:
        try:
            writer.flush()
            self._store.interrupt(writer.run.id, _CLOSED)
        except Exception:
            text = "A run could not be marked as interrupted."
            logger.exception(text, extra={"run": writer.run.id})

    def _train_messages(self, runs: Sequence[RunRecord]) -> tuple[Train, ...]:
        """Build the message of each run of a job; the first one lists the runs that follow."""
        comparison = runs[0].comparison
        others = self._store.comparison(comparison).runs if comparison else ()
        own = {run.id for run in runs}
        starts = {
            each: str(model_folder(self._store, each))
            for each in {run.spec.starts_from for run in runs}
            if each is not None
        }
        waiting = tuple(
            each.spec for each in others if not each.state.is_final and each.id not in own
        )
        return tuple(
            Train(
                run=run.id,
                spec=run.spec,
                output=str(self._settings.run_folder(run.id)) if run.keeps_model else None,
                access=self._access,
                waiting=waiting if run is runs[0] else (),
                state=str(self._settings.state_folder(run.id)) if len(runs) == 1 else None,
                start=starts.get(run.spec.starts_from or ""),
            )
            for run in runs
        )

    def _housekeeping(self) -> None:
        """Every 15 s: write a heartbeat, resume the runs of ended processes, purge deleted ones
        and schedule the next runs of comparisons."""
        if monotonic() - self._last_housekeeping < _HEARTBEAT_SECONDS:
            return
        self._last_housekeeping = monotonic()
        self._store.heartbeat(self._owner)
        recover(self._store, self._settings, resumes=not self._reserved)
        purge_deleted(self._store, self._settings)
        purge_uploads(self._store, self._settings)
        advance_all(self._store, self._settings)
