"""A job whose messages are files in a folder that the machines share, for batch systems.

`python -m mtl_core.engine.executor.folder_job FOLDER` executes the job in FOLDER on any machine
that has the folder and Freeze Lab. It appends its messages to one file, and reads requests from
another. Files need no connection between the machines, which batch systems seldom allow. Each side
writes an empty line every half minute. The process ends if the other side was silent for five
minutes, or has deleted the folder: nobody waits for it then.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from time import monotonic, sleep

from mtl_core.engine.child import module_argv
from mtl_core.engine.executor.interface import Job
from mtl_core.engine.executor.node_job import NodeJob, Request, passed_on_environment
from mtl_core.engine.protocol import (
    AboutRuns,
    Train,
    decode_from_child,
    decode_to_child,
    encode,
)
from mtl_core.values import Frozen

_JOB, _MESSAGES, _REQUESTS, _BEGAN = "job.json", "messages.jsonl", "requests.jsonl", "began"
_NOTHING = b"\n\n"  # a line counts once the next one has begun
_POLL_SECONDS = 0.2
KEEP_ALIVE_SECONDS, PATIENCE_SECONDS = 30.0, 300.0


class _FileJob(Frozen):
    """The content of `job.json`."""

    runs: tuple[Train, ...]
    home: str
    trainer: tuple[str, ...]
    environment: dict[str, str]


class FolderJob:
    """The folder of a job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = 0  # bytes of the messages
        self._heard_at: float | None = None
        self._appends = Lock()  # to the messages, by two threads of the process that executes

    def write(self, job: Job, home: Path, trainer_argv: Sequence[str]) -> None:
        """Write the job. Raises OSError."""
        self.folder.mkdir(parents=True)
        content = _FileJob(
            runs=job,
            home=str(home),
            trainer=tuple(trainer_argv),
            environment=passed_on_environment(),
        )
        (self.folder / _JOB).write_text(content.model_dump_json(), encoding="utf-8")
        for name in (_MESSAGES, _REQUESTS):
            (self.folder / name).touch()

    def request(self, message: Request) -> None:
        """Append a request."""
        _append(self.folder / _REQUESTS, encode(message))

    def keep_alive(self) -> None:
        """Append an empty line, so that the process knows that its messages are read."""
        _append(self.folder / _REQUESTS, _NOTHING)

    def messages(self) -> Iterator[AboutRuns]:
        """The messages that were appended since the last call. Raises OSError."""
        lines, self._read = _new_lines(self.folder / _MESSAGES, self._read)
        if lines:
            self._heard_at = monotonic()
        for message in map(decode_from_child, lines):
            if isinstance(message, AboutRuns):
                yield message

    def is_silent(self) -> bool:
        """Whether the job has begun and then written nothing for five minutes."""
        return self._heard_at is not None and monotonic() - self._heard_at > PATIENCE_SECONDS

    def execute(self) -> None:
        """Execute the job in this process, until all its runs have ended.

        Raises FileExistsError the second time: a batch system may start a job again, whose runs are
        resumed by a job of their own.
        """
        (self.folder / _BEGAN).open("x").close()
        written = _FileJob.model_validate_json((self.folder / _JOB).read_bytes())
        home = Path(written.home)
        os.environ.update(written.environment, FREEZE_LAB_HOME=written.home)
        job = NodeJob(written.runs, home, home, argv=written.trainer)
        Thread(target=self._pass_requests_on, args=(job,), daemon=True).start()
        Thread(target=self._show_life, daemon=True).start()
        for batch in job.messages():
            for message in batch:
                if isinstance(message, AboutRuns):
                    with self._appends:
                        _append(self.folder / _MESSAGES, encode(message))

    def _show_life(self) -> None:
        while True:
            with suppress(OSError), self._appends:
                _append(self.folder / _MESSAGES, _NOTHING)
            sleep(KEEP_ALIVE_SECONDS)

    def _pass_requests_on(self, job: NodeJob) -> None:
        read, last = 0, monotonic()
        while monotonic() - last < PATIENCE_SECONDS:
            try:
                lines, read = _new_lines(self.folder / _REQUESTS, read)
            except OSError:  # it was deleted
                break
            last = monotonic() if lines else last
            for message in map(decode_to_child, lines):
                if isinstance(message, Request):
                    job.request(message)
            sleep(_POLL_SECONDS)
        os._exit(1)


def folder_job_argv(folder: Path) -> list[str]:
    """The command that executes the job in `folder`."""
    return [*module_argv("mtl_core.engine.executor.folder_job"), str(folder)]


def _append(file: Path, lines: bytes) -> None:
    with file.open("ab") as end:
        end.write(lines)


def _new_lines(file: Path, read: int) -> tuple[list[bytes], int]:
    """The complete lines after the first `read` bytes of a file, and where they end."""
    with file.open("rb") as lines:
        lines.seek(read)
        whole = lines.read().rpartition(b"\n")[0]
    if not whole:
        return [], read
    return whole.split(b"\n"), read + len(whole) + 1


if __name__ == "__main__":
    FolderJob(Path(sys.argv[1])).execute()
