"""The child's side of the connection to its parent process."""

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from mtl_core.engine.protocol import FromChild, Ready, ToChild, decode_to_child, encode

NICENESS = 15
"""Measured with ten visitors during a run: a click takes 30 ms with it, and 2,300 ms at 0."""

INPUT = 0
"""The descriptor from which a child reads the messages of its parent."""

_FIRST_OOM_VICTIM = "1000"
_OUTPUT, _ERRORS = 1, 2
_CHUNK = 65536


def connect(low_priority: bool = True, first_oom_victim: bool = True) -> int:
    """Notify the parent that this process is ready; the descriptor for messages to the parent.

    Call it once, before anything is printed. It redirects standard output to standard error, so
    that print statements and progress bars do not break the protocol. `low_priority` gives the
    processor to other processes first, for a parent that serves visitors. `first_oom_victim` makes
    the kernel end it before other processes when memory runs out.
    """
    if low_priority:
        _lower_priority()
    if first_oom_victim:
        _be_first_oom_victim()
    output = os.dup(_OUTPUT)
    os.set_inheritable(output, False)
    os.dup2(_ERRORS, _OUTPUT)
    sys.stdout = sys.stderr
    send(output, Ready())
    return output


def send(output: int, message: FromChild) -> None:
    """Write a message to descriptor `output`. Exits this process if the parent is gone."""
    _write(output, encode(message))


def end_line(output: int) -> None:
    """End a line that another process may not have completed; the parent ignores empty lines."""
    _write(output, b"\n")


def _write(output: int, line: bytes) -> None:
    left = memoryview(line)
    while left:
        try:
            left = left[os.write(output, left) :]
        except OSError:
            os._exit(0)


class Lines:
    """Splits the input of a descriptor into lines.

    Python's own reader would hold locks when the process exits.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pieces: list[bytes] = []

    def read(self) -> list[bytes] | None:
        """Wait for input; the lines that it completes, without newlines. None at its end."""
        chunk = os.read(self._descriptor, _CHUNK)
        if not chunk:
            return None
        *ended, last = chunk.split(b"\n")
        lines = []
        for piece in ended:
            lines.append(b"".join([*self._pieces, piece]))
            self._pieces = []
        self._pieces.append(last)
        return lines


class Parent:
    """The connection of a child to its parent, which reads messages in a thread.

    Messages come from descriptor `source` and go to `output`. `handle_at_once` is called with each
    message in the reading thread; a message for which it returns False is queued for `messages`.
    The process exits when the parent is gone.
    """

    def __init__(
        self,
        output: int,
        handle_at_once: Callable[[ToChild], bool] = lambda _message: False,
        source: int = INPUT,
    ) -> None:
        self._output, self._lines = output, Lines(source)
        self._handle_at_once = handle_at_once
        self._queue: queue.SimpleQueue[ToChild] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="parent", daemon=True).start()

    def send(self, message: FromChild) -> None:
        """Send a message to the parent, from one thread. Exits this process if it is gone."""
        send(self._output, message)

    def messages(self) -> Iterator[ToChild]:
        """Yield the queued messages of the parent; never ends."""
        while True:
            yield self._queue.get()

    def _read(self) -> None:
        """Read messages until the end of input, then exit: the parent is gone.

        `os._exit` does not wait for the main thread, whose current step may take seconds.
        """
        try:
            while (lines := self._lines.read()) is not None:
                for line in lines:
                    message = decode_to_child(line)
                    if message is not None and not self._handle_at_once(message):
                        self._queue.put(message)
        finally:
            os._exit(0)


def _lower_priority() -> None:
    with suppress(OSError, AttributeError):
        os.nice(NICENESS)


def _be_first_oom_victim() -> None:
    """Make the kernel kill this process before others when memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_OOM_VICTIM)
