"""Executes jobs on the machines of a cluster, through one driver process on this machine.

The driver is a child process, as trainers are: the server imports no cluster library, and an
error in one, or a lost connection to the cluster, cannot end the server.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from mtl_core.engine.capacity import ONE_THREAD, Capacity, Demand
from mtl_core.engine.child import ChildProcess, driver_environment
from mtl_core.engine.executor.interface import Job, failures, take
from mtl_core.engine.protocol import (
    AboutRuns,
    ClusterCapacity,
    End,
    Lost,
    SaveState,
    Stop,
    Submit,
)
from mtl_core.errors import ChildDied

RECONNECTS = "FREEZE_LAB_RECONNECTS"
"""Set for a driver that replaces a lost one: the cluster may be starting again."""


class ClusterExecutor:
    """An executor whose jobs run on a cluster. `argv` is the command of its driver.

    The driver is started with the first job. If it ends, its runs are lost, and the next job starts
    another one. At most `parallel_runs` jobs run at once.
    """

    def __init__(self, argv: Sequence[str], parallel_runs: int) -> None:
        self._argv, self._parallel_runs = argv, parallel_runs
        self._driver: ChildProcess | None = None
        self._runs: set[str] = set()  # those of which messages are expected
        self._own_messages: deque[AboutRuns] = deque()
        self._capacity: ClusterCapacity | None = None
        self._was_lost = False

    def submit(self, job: Job, demand: Demand = ONE_THREAD) -> None:
        """Send a job to the driver."""
        runs = [each.run for each in job]
        self._runs.update(runs)
        try:
            self._started_driver().send(Submit(runs=job, demand=demand))
        except ChildDied:  # the next `receive` reports it, and that all runs are lost
            pass
        except OSError as problem:
            self._own_messages.extend(failures(runs, problem))

    def receive(self, timeout_seconds: float) -> AboutRuns | None:
        """The next message about any run; None if there is none within `timeout_seconds`."""
        while True:
            message = self._next_message(timeout_seconds)
            if isinstance(message, AboutRuns):
                known = take(message, self._runs)
                if known is not None:
                    return known
            elif message is None:
                return None
            timeout_seconds = 0.0  # a message about an ended run has arrived in that time

    def stop(self, run: str) -> None:
        """Request the end of a run before its next step."""
        self._send(Stop(run=run))

    def save_state(self, run: str) -> None:
        """Request that a run saves its state after its current step, and continues."""
        self._send(SaveState(run=run))

    def end(self, run: str) -> None:
        """End a run now, without a further event of it."""
        if run in self._runs:
            self._runs.discard(run)
            self._send(End(run=run))

    def prepare(self) -> None:
        """Start the driver, which connects to the cluster."""
        self._started_driver()

    @property
    def pids(self) -> tuple[int, ...]:
        """None: the trainers are processes of the cluster."""
        return ()

    def capacity(self) -> Capacity | None:
        """What the cluster has; None until the driver has reported it."""
        known = self._capacity
        if known is None:
            return None
        return Capacity(self._parallel_runs, known.cores, known.memory_bytes, known.accelerators)

    def close(self) -> None:
        """End the driver, and with it every job."""
        if self._driver is not None:
            self._driver.close()
        self._driver = None
        self._runs.clear()
        self._own_messages.clear()

    def _started_driver(self) -> ChildProcess:
        if self._driver is None:
            environment = driver_environment()
            if self._was_lost:
                environment[RECONNECTS] = "1"
            self._driver = ChildProcess(self._argv, environment=environment)
        return self._driver

    def _send(self, message: Stop | SaveState | End) -> None:
        if self._driver is not None:
            with suppress(ChildDied):  # `receive` reports it
                self._driver.send(message)

    def _next_message(self, timeout_seconds: float) -> object | None:
        """The next message of the driver; if it has ended, that its runs are lost."""
        if self._own_messages:
            return self._own_messages.popleft()
        if self._driver is None:
            return None
        try:
            message = self._driver.receive(timeout_seconds)
        except ChildDied as problem:
            self._driver.close()
            self._driver, self._capacity, self._was_lost = None, None, True
            reason = f"The connection to the cluster was lost. {problem}"
            return Lost(runs=tuple(self._runs), reason=reason)
        if isinstance(message, ClusterCapacity):
            self._capacity = message
        return message
