"""Executes each job of a trainer in a process of its own: a copy of the trainer.

The trainer imports torch once and never computes with it. A copy of it therefore starts in
milliseconds, and always with the same memory: what an earlier job has left behind cannot change the
peak of a later one. Neither can a crash.
"""

import os
import sys
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from select import select
from time import monotonic

from mtl_core.engine.exit_status import describe_exit
from mtl_core.engine.parent import INPUT, Lines, Parent, end_line, send
from mtl_core.engine.protocol import (
    AboutRuns,
    EventMessage,
    SaveState,
    Stop,
    ToChild,
    Train,
    TrainTogether,
    decode_to_child,
    encode,
)
from mtl_core.training.events import RunFailed

COPIES = sys.platform == "linux"
"""Whether a job is executed in a copy of the trainer. The libraries of macOS do not work in a copy,
so a trainer executes one job there, in its own process."""

_OUTPUT, _ERRORS = 1, 2
_TAIL_BYTES = 4096

Job = Train | TrainTogether


class JobConnection:
    """The connection of an executed job to the trainer's parent."""

    def __init__(self, output: int, source: int = INPUT, stop_requests: set[str] | None = None):
        self._stop_requests = stop_requests or set()
        self._save_requests: set[str] = set()
        self.parent = Parent(output, self._handle_request, source)

    def send(self, message: AboutRuns) -> None:
        """Send a message about the runs of the job."""
        self.parent.send(message)

    def should_stop(self, run: str) -> bool:
        """Whether the stop of a run was requested."""
        return run in self._stop_requests

    def should_save(self, run: str) -> bool:
        """Whether the state of a run was requested since the last call."""
        requested = run in self._save_requests
        self._save_requests.discard(run)
        return requested

    def _handle_request(self, message: ToChild) -> bool:
        if isinstance(message, Stop):
            self._stop_requests.add(message.run)
        elif isinstance(message, SaveState):
            self._save_requests.add(message.run)
        return isinstance(message, Stop | SaveState)


Execute = Callable[[Job, JobConnection], None]
"""Executes a job and sends the events of its runs."""


def execute_in_this_process(output: int, execute: Execute) -> None:
    """Execute the jobs that the parent sends in this process, until the parent is gone."""
    connection = JobConnection(output)
    for message in connection.parent.messages():
        if isinstance(message, Job):
            execute(message, connection)


class JobProcesses:
    """Executes the jobs that the parent sends, each in a copy of this process.

    This process has no threads, which a copy would lack. It forwards requests to the copy. If
    a copy dies, each run of its job gets a `run_failed` event; for a run that has ended before,
    that is a second final event, which the parent ignores.
    """

    def __init__(self, output: int, execute: Execute) -> None:
        self._output, self._execute = output, execute
        self._lines = Lines(INPUT)
        self._jobs: deque[Job] = deque()
        self._stop_requests: set[str] = set()
        self._copy: _Copy | None = None

    def serve(self) -> None:
        """Execute jobs until the parent is gone, then exit this process."""
        while True:
            while self._jobs:
                self._execute_in_copy(self._jobs.popleft())
            self._receive()

    def _execute_in_copy(self, job: Job) -> None:
        began = monotonic()
        self._copy = copy = _Copy(lambda source: self._work(job, source))
        while not copy.ended:
            readable, _, _ = select([INPUT, copy.errors], [], [])
            if INPUT in readable:
                self._receive()
            if copy.errors in readable:
                copy.read_errors()
        self._copy = None
        status = copy.wait()
        if status != 0:
            self._fail(job, describe_exit(status, copy.error_lines()), monotonic() - began)

    def _fail(self, job: Job, reason: str, elapsed_seconds: float) -> None:
        event = RunFailed(elapsed_seconds=elapsed_seconds, reason=reason)
        end_line(self._output)
        for run in job.runs if isinstance(job, TrainTogether) else (job,):
            send(self._output, EventMessage(run=run.run, event=event))

    def _work(self, job: Job, source: int) -> None:
        self._execute(job, JobConnection(self._output, source, self._stop_requests))

    def _receive(self) -> None:
        """Wait for messages of the parent and handle them; exit if the parent is gone."""
        lines = self._lines.read()
        if lines is None:
            os._exit(0)
        for message in filter(None, map(decode_to_child, lines)):
            if isinstance(message, Stop):
                self._stop_requests.add(message.run)
            if isinstance(message, Stop | SaveState):
                if self._copy is not None:
                    self._copy.send(message)
            elif isinstance(message, Job):
                self._jobs.append(message)


class _Copy:
    """A copy of this process that executes `work` and then exits.

    `work` gets the descriptor of the messages for the copy, which end when this process does.
    `errors` is the descriptor of the copy's error output.
    """

    def __init__(self, work: Callable[[int], None]) -> None:
        source, self._control = os.pipe()
        self.errors, errors = os.pipe()
        self.ended, self._tail = False, b""
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._control)
            os.close(self.errors)
            _work_and_exit(work, source, errors)
        os.close(source)
        os.close(errors)

    def send(self, message: Stop | SaveState) -> None:
        """Send a message to the copy, unless it has just ended."""
        with suppress(OSError):
            os.write(self._control, encode(message))

    def read_errors(self) -> None:
        """Forward the error output that has arrived; at its end the copy has ended."""
        chunk = os.read(self.errors, _TAIL_BYTES)
        self.ended = not chunk
        self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
        with suppress(OSError):
            os.write(_ERRORS, chunk)

    def error_lines(self) -> list[bytes]:
        """The last lines of the copy's error output."""
        return self._tail.splitlines()

    def wait(self) -> int:
        """The exit status of the copy, negative for a signal; waits for its end."""
        _, status = os.waitpid(self._pid, 0)
        os.close(self._control)
        os.close(self.errors)
        return os.waitstatus_to_exitcode(status)


def _work_and_exit(work: Callable[[int], None], source: int, errors: int) -> None:
    """Execute `work` in the copy and exit without the exit functions of the copied process."""
    status = 1
    try:
        os.dup2(errors, _ERRORS)
        os.dup2(errors, _OUTPUT)
        os.close(errors)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, INPUT)
        os.close(nothing)
        work(source)
        status = 0
    except BaseException:  # the copy must not return to the trainer's loop
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(status)
