"""This machine's speed, measured once beside the pages: none waits for it, and no run is disturbed.

A child of its own measures, so that what pages ask of the inspector does not wait either.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from time import monotonic

from mtl_core.cost.speed import Speed, keep_speed, known_speed
from mtl_core.engine.child import ChildProcess
from mtl_core.engine.protocol import MeasureSpeed, Refused, SpeedMeasured
from mtl_core.errors import FreezeLabError, InternalError
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2  # between looks whether a run has begun
_PATIENCE_SECONDS = 120.0


class Calibration:
    """Measures how fast this machine trains when someone wants to know and nothing else trains.

    Given up, for another time, where a run begins or a trainer loads meanwhile: each would spoil
    the other. One that fails is not tried again in this process. `trainer` is the number of the
    trainer's process, if there is one. Safe for threads.
    """

    def __init__(
        self,
        settings: Settings,
        store: RunStore,
        trainer: Callable[[], int | None],
        child_argv: Sequence[str],
    ) -> None:
        self._settings, self._store = settings, store
        self._trainer, self._argv = trainer, child_argv
        self._allowed = threading.Event()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._measured: Speed | None = None  # also where it cannot be kept on disk

    def allow(self) -> None:
        """From now on measure when asked."""
        self._allowed.set()

    @property
    def under_way(self) -> bool:
        """Whether it is measured at this moment."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def speed(self) -> Speed | None:
        """The speed, at once; None where it is not known yet, and asking begins to measure it."""
        known = self._measured or known_speed(self._settings)
        if known is None:
            with self._turn:
                at_rest = not self.under_way and self._measured is None
                if at_rest and self._allowed.is_set() and not self._store.active():
                    self._begin()
        return known

    def close(self) -> None:
        """Give up what is under way, and measure no more."""
        with self._turn:
            self._allowed.clear()
        if self._thread is not None:
            self._thread.join()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._work, name="calibration", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            speed = self._answer()
        except Exception as problem:
            self._allowed.clear()
            told = isinstance(problem, FreezeLabError)
            logger.warning(
                "The speed of this machine could not be measured: %s",
                problem,
                exc_info=None if told else problem,
            )
            return
        if speed is not None:
            keep_speed(speed, self._settings)
            self._measured = speed

    def _answer(self) -> Speed | None:
        """What the child measured; None where it was disturbed, or is not wanted any more."""
        trainer, deadline = self._trainer(), monotonic() + _PATIENCE_SECONDS
        child = ChildProcess(self._argv)
        try:
            child.send(MeasureSpeed(settings=self._settings))
            while monotonic() < deadline:
                answer = child.receive(_LOOK_SECONDS)
                if not self._allowed.is_set() or self._trainer() != trainer or self._store.active():
                    return None
                if isinstance(answer, SpeedMeasured):
                    return answer.speed
                if isinstance(answer, Refused):
                    raise answer.as_error()
        finally:
            child.kill()
        raise InternalError(f"no answer within {_PATIENCE_SECONDS:g} seconds.")
