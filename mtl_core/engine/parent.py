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

_FIRST_OOM_VICTIM = "1000"
_INPUT, _OUTPUT, _ERRORS = 0, 1, 2
_CHUNK = 65536


class Parent:
    """The connection of a child to its parent. Create it once, before anything is printed.

    It redirects standard output to standard error, so that print statements and progress bars do
    not break the protocol. `handle_at_once` is called with each message in the reading thread; a
    message for which it returns False is queued for `messages`. `low_priority` gives the processor
    to other processes first, for a parent that serves visitors. The process exits when the parent
    is gone.
    """

    def __init__(
        self,
        handle_at_once: Callable[[ToChild], bool] = lambda _message: False,
        low_priority: bool = True,
    ) -> None:
        if low_priority:
            _lower_priority()
        _be_first_oom_victim()
        self._pipe = os.dup(_OUTPUT)
        os.set_inheritable(self._pipe, False)
        os.dup2(_ERRORS, _OUTPUT)
        sys.stdout = sys.stderr
        self._handle_at_once = handle_at_once
        self._queue: queue.SimpleQueue[ToChild] = queue.SimpleQueue()
        self._send_lock = threading.Lock()
        threading.Thread(target=self._read, name="parent", daemon=True).start()
        self.send(Ready())

    def send(self, message: FromChild) -> None:
        """Send a message to the parent. Exits this process if the parent is gone."""
        line = memoryview(encode(message))
        with self._send_lock:
            while line:
                try:
                    line = line[os.write(self._pipe, line) :]
                except OSError:
                    os._exit(0)

    def messages(self) -> Iterator[ToChild]:
        """Yield the queued messages of the parent; never ends."""
        while True:
            yield self._queue.get()

    def _read(self) -> None:
        """Read messages until the end of input, then exit: the parent is gone.

        `os._exit` does not wait for the main thread, whose current step may take seconds.
        """
        try:
            for line in _lines(_INPUT):
                message = decode_to_child(line)
                if message is not None and not self._handle_at_once(message):
                    self._queue.put(message)
        finally:
            os._exit(0)


def _lines(descriptor: int) -> Iterator[bytes]:
    """Yield whole lines until the end of input.

    Python's own reader would hold locks when the process exits.
    """
    pieces: list[bytes] = []
    while chunk := os.read(descriptor, _CHUNK):
        *ended, last = chunk.split(b"\n")
        for piece in ended:
            yield b"".join([*pieces, piece])
            pieces = []
        pieces.append(last)


def _lower_priority() -> None:
    with suppress(OSError, AttributeError):
        os.nice(NICENESS)


def _be_first_oom_victim() -> None:
    """Make the kernel kill this process before others when memory runs out."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_OOM_VICTIM)
