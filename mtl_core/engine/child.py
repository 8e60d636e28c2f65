"""A child process seen from the parent: start it, talk to it, tell how it ended, end it."""

import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import mtl_core
from mtl_core.engine.protocol import FromChild, ToChild, decode_from_child, encode
from mtl_core.errors import ChildDied
from mtl_core.training.environment import ENVIRONMENT

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 2.0
_TAIL_LINES, _LINE_BYTES = 50, 2000
_MEANINGS = {
    "SIGKILL": "Most often the system ran out of memory: try a smaller batch size or maximum "
    "length, or a plan whose lowest layer that learns lies higher.",
    "SIGSEGV": "A library crashed; this is no fault of the plan or the data.",
    "SIGABRT": "A library gave up; this is no fault of the plan or the data.",
    "SIGBUS": "Memory or disk space ran out under a file it had mapped.",
    "SIGTERM": "Someone on this machine asked it to end.",
}


def module_argv(module: str) -> list[str]:
    """The command that starts a module of this package, whatever the working folder holds."""
    return [sys.executable, "-P", "-m", module]


class ChildProcess:
    """A running child. One thread at a time may receive; any may send or kill.

    It has a session of its own, so that Ctrl-C in the terminal reaches the parent alone, which
    then decides. It leaves by itself when the parent is gone and its standard input ends.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - the argv is the program's own
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,
        )
        self._messages: queue.SimpleQueue[FromChild | None] = queue.SimpleQueue()
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._sending = threading.Lock()
        self._output_reader = _started(self._read_messages, f"output of {self.pid}")
        self._error_reader = _started(self._read_errors, f"errors of {self.pid}")

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def send(self, message: ToChild) -> None:
        """Say something to the child. Raises ChildDied if it is gone."""
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        try:
            with self._sending:
                self._process.stdin.write(encode(message))
                self._process.stdin.flush()
        except (OSError, ValueError):  # a broken pipe, or closed on our side
            raise ChildDied(self.how_it_ended()) from None

    def receive(self, timeout_seconds: float) -> FromChild | None:
        """The child's next message; None if none comes in time.

        Raises ChildDied, saying how it ended, once it is gone and all it said has been received.
        """
        try:
            message = self._messages.get(timeout=max(0.0, timeout_seconds))
        except queue.Empty:
            if self.alive:
                return None
            message = self._last_message()
        if message is None:
            self._messages.put(None)  # and say so again to whoever asks next
            raise ChildDied(self.how_it_ended())
        return message

    def how_it_ended(self) -> str:
        """In words, for a child that has ended or closed its output: its signal or exit status,
        what that often means, and the last line it wrote to standard error."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        self._error_reader.join(_GRACE_SECONDS)
        last_line = next((line for line in reversed(self._tail) if line), None)
        said = f" Its last words: {last_line}" if last_line else ""
        return f"{_ending(self._process.poll())}{said}"

    def close(self) -> None:
        """Let the child leave, and end it if it does not."""
        _close(self._process.stdin)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the child, and whatever it started, now. Returns when it is gone."""
        if self.alive and hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        _close(self._process.stdin)
        for reader, pipe in (
            (self._output_reader, self._process.stdout),
            (self._error_reader, self._process.stderr),
        ):
            reader.join(_GRACE_SECONDS)
            if not reader.is_alive():  # else a process it started holds the pipe, and would us
                _close(pipe)

    def _last_message(self) -> FromChild | None:
        """What a child that just ended may have left in its pipe."""
        self._output_reader.join(_GRACE_SECONDS)
        with suppress(queue.Empty):
            return self._messages.get_nowait()
        return None

    def _read_messages(self) -> None:
        try:
            for line in _lines(self._process.stdout):
                message = decode_from_child(line)
                if message is not None:
                    self._messages.put(message)
        finally:
            self._messages.put(None)

    def _read_errors(self) -> None:
        for line in _lines(self._process.stderr, _LINE_BYTES):
            text = line.decode(errors="replace").rstrip().rpartition("\r")[2]  # a progress bar
            logger.debug("child %d: %s", self.pid, text)
            self._tail.append(text)


def _started(read: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=read, name=name, daemon=True)
    thread.start()
    return thread


def _close(pipe: IO[bytes] | None) -> None:
    with suppress(OSError, ValueError):  # what could not be sent any more goes with it
        if pipe is not None:
            pipe.close()


def _lines(pipe: IO[bytes] | None, limit: int = -1) -> Iterator[bytes]:
    """Lines until the pipe ends; one longer than `limit` bytes comes in pieces."""
    assert pipe is not None  # noqa: S101 - asked for where the process was started
    while line := pipe.readline(limit):
        yield line


def _environment() -> dict[str, str]:
    """The parent's, with quiet threads, no network, and this package where Python looks."""
    package = str(Path(mtl_core.__file__).parents[1])
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([package, before] if before else [package])
    return {**os.environ, **ENVIRONMENT, "PYTHONPATH": path}


def _ending(status: int | None) -> str:
    if status is None:
        return "The process closed its output and hangs."
    if status >= 0:
        return f"The process ended with exit status {status}."
    name = _signal_name(-status)
    return f"The process was ended by {name}. {_MEANINGS.get(name, '')}".rstrip()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
