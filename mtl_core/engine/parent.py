"""The parent seen from a child: the pipe to it, and the end of the child when it is gone."""

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from mtl_core.engine.protocol import FromChild, Ready, ToChild, decode_to_child, encode

NICENESS = 15
"""Measured with ten visitors during a run: clicks take 30 ms so, and 2,300 ms at 0."""

_FIRST_VICTIM = "1000"
_INPUT, _OUTPUT, _ERRORS = 0, 1, 2
_CHUNK = 65536


class Parent:
    """The parent, for a child that serves it. Made once, first thing in the child's life.

    From then on standard output leads to standard error, so that no print and no progress bar
    breaks the protocol. `at_once` sees each message as it comes, in the thread that reads; what
    it does not take (returns False for) waits its turn in `messages`. `steps_back`: it leaves the
    processor to others, as one must whose parent serves visitors.
    """

    def __init__(
        self,
        at_once: Callable[[ToChild], bool] = lambda _message: False,
        steps_back: bool = True,
    ) -> None:
        if steps_back:
            _leave_the_processor_to_others()
        _go_first_where_memory_runs_out()
        self._pipe = os.dup(_OUTPUT)
        os.set_inheritable(self._pipe, False)
        os.dup2(_ERRORS, _OUTPUT)
        sys.stdout = sys.stderr
        self._at_once = at_once
        self._waiting: queue.SimpleQueue[ToChild] = queue.SimpleQueue()
        self._sending = threading.Lock()
        threading.Thread(target=self._read, name="parent", daemon=True).start()
        self.send(Ready())

    def send(self, message: FromChild) -> None:
        """Say something to the parent. Ends this process if the parent is gone."""
        line = memoryview(encode(message))
        with self._sending:
            while line:
                try:
                    line = line[os.write(self._pipe, line) :]
                except OSError:
                    os._exit(0)

    def messages(self) -> Iterator[ToChild]:
        """What the parent asks, one after another, without end."""
        while True:
            yield self._waiting.get()

    def _read(self) -> None:
        """Read until the end of input, which means the parent is gone, then leave at once: the
        main thread may be in the middle of a step that takes seconds.
        """
        try:
            for line in _lines(_INPUT):
                message = decode_to_child(line)
                if message is not None and not self._at_once(message):
                    self._waiting.put(message)
        finally:
            os._exit(0)


def _lines(descriptor: int) -> Iterator[bytes]:
    """Whole lines until the end of input, without the locks that Python's own reader would hold
    when the process leaves."""
    pieces: list[bytes] = []
    while chunk := os.read(descriptor, _CHUNK):
        *ended, last = chunk.split(b"\n")
        for piece in ended:
            yield b"".join([*pieces, piece])
            pieces = []
        pieces.append(last)


def _leave_the_processor_to_others() -> None:
    with suppress(OSError, AttributeError):
        os.nice(NICENESS)


def _go_first_where_memory_runs_out() -> None:
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_VICTIM)
