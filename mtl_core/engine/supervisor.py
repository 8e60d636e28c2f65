"""The supervising thread: takes run after run from the queue and sees each to its end."""

import logging
import threading
from collections.abc import Sequence
from time import monotonic

from mtl_core.engine.child import ChildProcess, module_argv
from mtl_core.engine.comparisons import advance, advance_all
from mtl_core.engine.progress import Progress
from mtl_core.engine.protocol import Said, Stop, Train
from mtl_core.engine.purge import forget_deleted
from mtl_core.errors import ChildDied, FreezeLabError
from mtl_core.settings import Settings
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunFinished, RunStopped

logger = logging.getLogger(__name__)

ARGV = tuple(module_argv("mtl_core.engine.trainer_child"))

_LISTEN_SECONDS = 0.2  # how long the child is listened to before anything else gets a look
_STOP_SECONDS = 1.2  # between a polite stop and the end of the child: under 2 s in all
_IDLE_SECONDS = 1.0  # between looks at the queue, for runs that other processes add
_HEARTBEAT_SECONDS = 15.0
_COOL_SECONDS = 600.0  # a warm trainer holds hundreds of megabytes; unused this long it goes


class Supervisor:
    """Carries out waiting runs, one at a time, in a warm child, on a thread of its own.

    Nothing ends that thread but `close`: what goes wrong with a run becomes the run's last word,
    and the next run gets a fresh child. With `reserved` it takes only what is reserved for `owner`.
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
        self._warm_wanted = threading.Event()
        self._last_housekeeping = self._last_use = float("-inf")
        self._unsettled: list[Progress] = []
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin; runs that wait from an earlier server are taken up first."""
        self._thread.start()

    def wake(self) -> None:
        """Look at the queue now: a run was added."""
        self._wake.set()

    def warm_up(self) -> None:
        """Have the child load torch now: a run is likely soon, and would wait five seconds."""
        self._warm_wanted.set()
        self._wake.set()

    @property
    def child_pid(self) -> int | None:
        """The number of the trainer's process, while there is one."""
        child = self._child
        return child.pid if child is not None and child.alive else None

    def close(self) -> None:
        """End the child and the thread. The run that is under way becomes interrupted; those that
        wait go on waiting for the next server."""
        self._closing.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _supervise(self) -> None:
        while not self._closing.is_set():
            try:
                self._settle()
                self._keep_house()
                run = self._store.claim_next(self._owner, self._reserved)
                if run is not None:
                    self._see_to(run)
                    if run.comparison is not None:
                        advance(self._store, self._settings, run.comparison)
                    continue
                self._warm_or_cool()
            except Exception:
                logger.exception("Between two runs something went wrong; trying again.")
            self._wake.wait(_IDLE_SECONDS)
            self._wake.clear()
        self._end_child()

    def _warm_or_cool(self) -> None:
        if self._warm_wanted.is_set():
            self._warm_wanted.clear()
            self._last_use = monotonic()
            self._warm_child()
        elif self._child is not None and monotonic() - self._last_use > _COOL_SECONDS:
            self._end_child()

    def _see_to(self, run: RunRecord) -> None:
        """Carry a run out; whatever happens, it gets a last word and the thread goes on."""
        progress = Progress(self._store, run)
        try:
            self._carry_out(progress)
        except Exception as problem:
            if not isinstance(problem, ChildDied):
                logger.exception("Run %s failed under supervision.", run.id)
            self._end_child()
            self._fail(progress, problem)
        self._last_use = monotonic()

    def _fail(self, progress: Progress, problem: Exception) -> None:
        told = isinstance(problem, FreezeLabError)
        reason = str(problem) if told else f"Unexpected {type(problem).__name__}: {problem}"
        try:
            progress.fail(reason)
        except Exception:
            logger.exception("The end of %s could not be written; trying later.", progress.run.id)
            self._unsettled.append(progress)

    def _settle(self) -> None:
        """Write the ends that could not be written before."""
        while self._unsettled:
            self._unsettled[-1].write()
            self._unsettled.pop()

    def _carry_out(self, progress: Progress) -> None:
        run = progress.run
        child = self._warm_child()
        child.send(self._asked(run))
        kill_at: float | None = None
        while not progress.ended:
            self._listen(child, progress)
            if self._closing.is_set():
                self._abandon(progress)
                return
            if kill_at is None and self._store.stop_requested(run.id):
                child.send(Stop(run=run.id))
                kill_at = monotonic() + _STOP_SECONDS
            if kill_at is not None and monotonic() >= kill_at and not progress.ended:
                self._end_child()
                progress.stop("Stopped on request, in the middle of a step.")
            self._keep_house()
        if not isinstance(progress.last_word, RunFinished | RunStopped):
            self._end_child()  # one that failed is not trusted with the next run

    def _asked(self, run: RunRecord) -> Train:
        """What the child is told of a run."""
        others = self._store.comparison(run.comparison).runs if run.comparison else ()
        return Train(
            run=run.id,
            spec=run.spec,
            output=str(self._settings.run_folder(run.id)) if run.keeps_model else None,
            uploads=str(self._settings.uploads),
            beside=tuple(each.spec for each in others if each.state is RunState.WAITING),
        )

    def _listen(self, child: ChildProcess, progress: Progress) -> None:
        """Take what the child says for a moment, not longer: a fast run never falls silent."""
        until = monotonic() + _LISTEN_SECONDS
        while not progress.ended and (left := until - monotonic()) > 0:
            message = child.receive(left)
            if isinstance(message, Said) and message.run == progress.run.id:
                progress.said(message.event)
        progress.write_if_due()

    def _abandon(self, progress: Progress) -> None:
        self._end_child()
        if not progress.ended:
            progress.write()
            self._store.interrupt(progress.run.id, "Freeze Lab was closed while it ran.")

    def _warm_child(self) -> ChildProcess:
        if self._child is not None and not self._child.alive:
            self._end_child()
        if self._child is None:
            self._child = ChildProcess(self._argv)
        return self._child

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _keep_house(self) -> None:
        """Now and then: say that this process lives, and find out who else does not; forget what
        was deleted too long ago to be brought back."""
        if monotonic() - self._last_housekeeping < _HEARTBEAT_SECONDS:
            return
        self._last_housekeeping = monotonic()
        self._store.heartbeat(self._owner)
        self._store.mark_interrupted()
        forget_deleted(self._store, self._settings)
        advance_all(self._store, self._settings)
