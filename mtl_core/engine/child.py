"""The parent's side of a child process: start it, exchange messages, describe its end, end it."""

import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import mtl_core
from mtl_core.engine.exit_status import describe_exit, line_text
from mtl_core.engine.protocol import FromChild, ToChild, decode_from_child, encode
from mtl_core.errors import ChildDied
from mtl_core.training.environment import ENVIRONMENT

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 2.0
_TAIL_LINES, _LINE_BYTES = 50, 2000


def module_argv(module: str) -> list[str]:
    """The command that runs a module of this package; files in the working folder are ignored."""
    return [sys.executable, "-P", "-m", module]


_NEEDED = frozenset(
    {
        *("PATH", "HOME", "USER", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"),
        *("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV"),
    }
)
_NEEDED_PREFIXES = (
    *("LC_", "XDG_", "PYTHON", "FREEZE_LAB_", "HF_", "TRANSFORMERS_", "TOKENIZERS_"),
    *("TORCH", "PYTORCH_", "CUDA_", "NVIDIA_", "ATEN_", "DNNL_", "ONEDNN_", "LRU_CACHE_"),
    *("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "COVERAGE_"),
)


class ChildProcess:
    """A child process. Any thread may send or kill; only one thread at a time may receive.

    The child has its own session, so that Ctrl-C in the terminal reaches only the parent. It exits
    by itself when its standard input ends because the parent is gone. `on_message` is called in
    another thread after each message, and when the child closes its output. `environment` is that
    of the child, None: `child_environment`.
    """

    def __init__(
        self,
        argv: Sequence[str],
        on_message: Callable[[], None] = lambda: None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._on_message = on_message
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment() if environment is None else environment,
            start_new_session=True,
        )
        self._messages: queue.SimpleQueue[FromChild | None] = queue.SimpleQueue()
        self._tail: deque[bytes] = deque(maxlen=_TAIL_LINES)
        self._send_lock = threading.Lock()
        self._output_reader = _start_thread(self._read_messages, f"output of {self.pid}")
        self._error_reader = _start_thread(self._read_errors, f"errors of {self.pid}")

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    def send(self, message: ToChild) -> None:
        """Send a message to the child. Raises ChildDied if it has ended."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe, see above
        try:
            with self._send_lock:
                self._process.stdin.write(encode(message))
                self._process.stdin.flush()
        except (OSError, ValueError):  # a broken pipe, or closed on our side
            raise ChildDied(self.exit_description()) from None

    def receive(self, timeout_seconds: float) -> FromChild | None:
        """The child's next message; None if there is none within `timeout_seconds`.

        Raises ChildDied with `exit_description` once the child has ended and every message it sent
        has been received.
        """
        try:
            message = self._messages.get(timeout=max(0.0, timeout_seconds))
        except queue.Empty:
            if self.alive:
                return None
            message = self._last_message()
        if message is None:
            self._messages.put(None)  # so that the next call raises too
            raise ChildDied(self.exit_description())
        return message

    def exit_description(self) -> str:
        """Describe how the child ended, as `describe_exit`."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        self._error_reader.join(_GRACE_SECONDS)
        return describe_exit(self._process.poll(), self._tail)

    def close(self) -> None:
        """Close the child's input and wait for its exit; kill it after two seconds."""
        _close(self._process.stdin)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Kill the child and the processes that it started, and wait for its exit."""
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
            if not reader.is_alive():  # a surviving grandchild holds the pipe: closing would block
                _close(pipe)

    def _last_message(self) -> FromChild | None:
        """A message that is still in the pipe of a child that has just ended."""
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
                    self._on_message()
        finally:
            self._messages.put(None)
            self._on_message()

    def _read_errors(self) -> None:
        for line in _lines(self._process.stderr, _LINE_BYTES):
            logger.debug("child %d: %s", self.pid, line_text(line))
            self._tail.append(line)


def _start_thread(read: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=read, name=name, daemon=True)
    thread.start()
    return thread


def _close(pipe: IO[bytes] | None) -> None:
    with suppress(OSError, ValueError):  # unsent data is lost
        if pipe is not None:
            pipe.close()


def _lines(pipe: IO[bytes] | None, limit: int = -1) -> Iterator[bytes]:
    """Yield lines until the pipe ends; a line longer than `limit` bytes is split."""
    assert pipe is not None  # noqa: S101 - a pipe, see __init__
    while line := pipe.readline(limit):
        yield line


_SECRETS = ("FREEZE_LAB_TEACHER_KEY", "FREEZE_LAB_DATABASE_URL")


def driver_environment() -> dict[str, str]:
    """The environment of a driver of a cluster, which parses no foreign files.

    It needs what ssh, kubectl and Slurm read, and does not get what the server alone needs.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    return {**inherited, **child_environment()}


def child_environment() -> dict[str, str]:
    """What a child needs of the parent's environment, `ENVIRONMENT`, and this package's path.

    Foreign files are parsed in children, so secrets of the parent, such as keys of other services
    and the teacher key, do not get into them.
    """
    package = str(Path(mtl_core.__file__).parents[1])
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([package, before] if before else [package])
    needed = {
        name: value
        for name, value in os.environ.items()
        if (name.startswith(_NEEDED_PREFIXES) or name in _NEEDED) and name not in _SECRETS
    }
    return {**needed, **ENVIRONMENT, "PYTHONPATH": path}
