"""Child processes that read foreign files for the server, each request within a deadline."""

import threading
from collections.abc import Sequence
from time import monotonic

from mtl_core.engine.child import ChildProcess, module_argv
from mtl_core.engine.protocol import Ready, RequestFailed
from mtl_core.engine.reading_protocol import ReadingRequest, ReadingResponse
from mtl_core.errors import BadInput, ChildDied, InternalError

MODULE_ARGV = tuple(module_argv("mtl_core.engine.reading_child"))

_START_SECONDS = 60.0


class GivenUp(Exception):
    """A request was not answered within the limits; `problem` is the error for the visitor.

    `is_lasting`: the same request would exceed them again.
    """

    def __init__(self, problem: BadInput, is_lasting: bool = True) -> None:
        super().__init__(str(problem))
        self.problem, self.is_lasting = problem, is_lasting


class ReadingProcesses:
    """Sends each request to a process of its own, of up to `most` at the same time.

    A process is started on demand, used again and ended when idle. One that does not answer within
    `seconds` is killed. A file that takes long therefore holds up only its own readers, as long as
    fewer than `most` do. Safe for threads.
    """

    def __init__(
        self,
        seconds: float,
        memory_bytes: int,
        argv: Sequence[str] = MODULE_ARGV,
        most: int = 4,
        idle_seconds: float = 120.0,
    ) -> None:
        self._seconds, self._memory_bytes = seconds, memory_bytes
        self._argv, self._most, self._idle_seconds = (*argv, str(memory_bytes)), most, idle_seconds
        self._free_places = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: list[ChildProcess] = []
        self._busy: set[ChildProcess] = set()
        self._closed = False
        self._timer: threading.Timer | None = None

    def answer(self, request: ReadingRequest) -> ReadingResponse:
        """The response to a request.

        Raises what `reading.respond` does, and GivenUp if the request exceeds a limit, ends its
        process, or finds no free process within the deadline.
        """
        if not self._free_places.acquire(timeout=self._seconds):
            rest = f"now: {self._most} other files are being read. Try again in a minute"
            raise GivenUp(_problem(request, rest), is_lasting=False)
        try:
            child = self._take()
            try:
                response = self._exchange(child, request)
            except BaseException:
                self._end(child)
                raise
            self._put_back(child)
        finally:
            self._free_places.release()
        if isinstance(response, RequestFailed):
            raise response.to_error()
        return response

    def close(self) -> None:
        """End all processes; requests that are being answered fail."""
        with self._lock:
            self._closed = True
            children = [*self._idle, *self._busy]
            self._idle.clear()
            if self._timer is not None:
                self._timer.cancel()
        for child in children:
            child.kill()

    @property
    def pids(self) -> tuple[int, ...]:
        """The ids of the processes that are alive."""
        with self._lock:
            return tuple(child.pid for child in (*self._idle, *self._busy) if child.alive)

    def _exchange(
        self, child: ChildProcess, request: ReadingRequest
    ) -> ReadingResponse | RequestFailed:
        try:
            child.send(request)
            deadline = monotonic() + self._seconds
            while (left := deadline - monotonic()) > 0:
                message = child.receive(left)
                if isinstance(message, ReadingResponse | RequestFailed):
                    return message
        except ChildDied as problem:
            rest = f"here: its process ended ({str(problem).rstrip('.')}). "
            if self._memory_bytes:
                rest += f"It may need more than {self._memory_bytes:,} bytes of memory, the limit "
                rest += "of this dashboard (FREEZE_LAB_READ_BYTES). "
            rest += "Use fewer or shorter examples, or check that the file is not damaged"
            raise GivenUp(_problem(request, rest)) from None
        raise GivenUp(
            _problem(
                request,
                f"within {self._seconds:g} seconds, the limit of this dashboard "
                "(FREEZE_LAB_READ_SECONDS). Use fewer or shorter examples, or read the files on "
                "the command line, which has no such limit",
            )
        )

    def _take(self) -> ChildProcess:
        """An idle process, or a new one that has loaded its modules."""
        with self._lock:
            if self._closed:
                raise InternalError("The dashboard is closing.")
            while self._idle:
                child = self._idle.pop()
                if child.alive:
                    self._busy.add(child)
                    return child
                child.kill()
            child = ChildProcess(self._argv)
            self._busy.add(child)
        if not isinstance(_received(child), Ready):
            self._end(child)
            raise InternalError("A process that reads files could not be started. Try again.")
        return child

    def _put_back(self, child: ChildProcess) -> None:
        with self._lock:
            self._busy.discard(child)
            if self._closed:
                return
            self._idle.append(child)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(self._idle_seconds, self._end_idle)
            self._timer.daemon = True
            self._timer.start()

    def _end_idle(self) -> None:
        with self._lock:
            if self._timer is not threading.current_thread():  # used since
                return
            idle, self._idle = self._idle, []
        for child in idle:
            child.close()

    def _end(self, child: ChildProcess) -> None:
        child.kill()
        with self._lock:
            self._busy.discard(child)


def _problem(request: ReadingRequest, rest: str) -> BadInput:
    failure = request.failure
    return type(failure)(f"{failure} {rest}.")


def _received(child: ChildProcess) -> object:
    """The first message of a process; None if it ends, or sends none within a minute."""
    try:
        return child.receive(_START_SECONDS)
    except ChildDied:
        return None
