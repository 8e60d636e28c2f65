"""Measures the speed of this machine in the background, while no run is training."""

import logging
import threading
from collections.abc import Callable, Sequence
from time import monotonic

from mtl_core.cost.speed import Speed, load_speed, save_speed
from mtl_core.engine.child import ChildProcess
from mtl_core.engine.protocol import MeasureSpeed, RequestFailed, SpeedMeasured
from mtl_core.errors import FreezeLabError, InternalError
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.2  # between two checks whether a run has started
_TIMEOUT_SECONDS = 120.0


class Calibration:
    """Measures how fast this machine trains, on the first call of `speed`, in its own process.

    The measurement is cancelled when a run or a trainer starts, because each would slow the other
    down; a later call of `speed` repeats it. After an error it is not repeated by this instance.
    `trainer_pids` returns the process ids of the trainers. Safe for threads.
    """

    def __init__(
        self,
        settings: Settings,
        store: RunStore,
        trainer_pids: Callable[[], tuple[int, ...]],
        child_argv: Sequence[str],
    ) -> None:
        self._settings, self._store = settings, store
        self._trainer_pids, self._argv = trainer_pids, child_argv
        self._enabled = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._measured: Speed | None = None  # in case it cannot be stored on disk

    def enable(self) -> None:
        """Allow `speed` to start measurements."""
        self._enabled.set()

    @property
    def measuring(self) -> bool:
        """Whether a measurement is running."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def speed(self) -> Speed | None:
        """The measured speed. If there is none, start a measurement and return None."""
        known = self._measured or load_speed(self._settings)
        if known is None:
            with self._lock:
                idle = not self.measuring and self._measured is None
                if idle and self._enabled.is_set() and not self._store.active():
                    self._start()
        return known

    def close(self) -> None:
        """Cancel a running measurement and start no other."""
        with self._lock:
            self._enabled.clear()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._measure, name="calibration", daemon=True)
        self._thread.start()

    def _measure(self) -> None:
        try:
            speed = self._measure_in_child()
        except Exception as problem:
            self._enabled.clear()
            expected = isinstance(problem, FreezeLabError)
            logger.warning(
                "The speed of this machine could not be measured: %s",
                problem,
                exc_info=None if expected else problem,
            )
            return
        if speed is not None:
            save_speed(speed, self._settings)
            self._measured = speed

    def _measure_in_child(self) -> Speed | None:
        """The speed that the child measured; None if the measurement was cancelled."""
        trainers, deadline = self._trainer_pids(), monotonic() + _TIMEOUT_SECONDS
        child = ChildProcess(self._argv)
        try:
            child.send(MeasureSpeed(settings=self._settings))
            while monotonic() < deadline:
                message = child.receive(_POLL_SECONDS)
                if (
                    not self._enabled.is_set()
                    or self._trainer_pids() != trainers
                    or self._store.active()
                ):
                    return None
                if isinstance(message, SpeedMeasured):
                    return message.speed
                if isinstance(message, RequestFailed):
                    raise message.to_error()
        finally:
            child.kill()
        raise InternalError(f"no response within {_TIMEOUT_SECONDS:g} seconds.")
