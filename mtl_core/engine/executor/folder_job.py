"""A job whose messages are files in a folder that the machines share, for batch systems.

`python -m mtl_core.engine.executor.folder_job FOLDER` executes the job in FOLDER on any machine
that has the folder and Freeze Lab. It appends its messages to one file, and reads requests from
another. Files need no connection between the machines, which batch systems seldom allow. The
process ends if the other side has written nothing for five minutes: nobody waits for it then.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

from pydantic import TypeAdapter

from mtl_core.engine.executor.interface import Job
from mtl_core.engine.executor.node_job import NodeJob, Request
from mtl_core.engine.protocol import (
    AboutRuns,
    FromChild,
    ToChild,
    Train,
    decode_from_child,
    decode_to_child,
    encode,
)
from mtl_core.values import Frozen

_JOB, _MESSAGES, _REQUESTS = "job.json", "messages.jsonl", "requests.jsonl"
_POLL_SECONDS = 0.2
KEEP_ALIVE_SECONDS = 30.0
_PATIENCE_SECONDS = 300.0


class _FileJob(Frozen):
    """The content of `job.json`."""

    runs: tuple[Train, ...]
    home: str
    trainer: tuple[str, ...]


class FolderJob:
    """The folder of a job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = 0  # bytes of the messages

    def write(self, job: Job, home: Path, trainer_argv: Sequence[str]) -> None:
        """Write the job. Raises OSError."""
        self.folder.mkdir(parents=True)
        content = _FileJob(runs=job, home=str(home), trainer=tuple(trainer_argv))
        (self.folder / _JOB).write_text(content.model_dump_json(), encoding="utf-8")
        for name in (_MESSAGES, _REQUESTS):
            (self.folder / name).touch()

    def request(self, message: Request) -> None:
        """Append a request."""
        _append(self.folder / _REQUESTS, message)

    def keep_alive(self) -> None:
        """Append an empty line, so that the process knows that its messages are read."""
        with (self.folder / _REQUESTS).open("ab") as lines:
            lines.write(b"\n")

    def messages(self) -> Iterator[AboutRuns]:
        """The messages that were appended since the last call."""
        lines, self._read = _new_lines(self.folder / _MESSAGES, self._read)
        for message in map(decode_from_child, lines):
            if isinstance(message, AboutRuns):
                yield message

    def execute(self) -> None:
        """Execute the job in this process, until all its runs have ended."""
        text = (self.folder / _JOB).read_bytes()
        written = TypeAdapter(_FileJob).validate_json(text)
        home = Path(written.home)
        os.environ["FREEZE_LAB_HOME"] = written.home
        job = NodeJob(written.runs, home, home, argv=written.trainer)
        Thread(target=self._pass_requests_on, args=(job,), daemon=True).start()
        for batch in job.messages():
            for message in batch:
                if isinstance(message, AboutRuns):
                    _append(self.folder / _MESSAGES, message)

    def _pass_requests_on(self, job: NodeJob) -> None:
        read, last = 0, monotonic()
        while monotonic() - last < _PATIENCE_SECONDS:
            lines, read = _new_lines(self.folder / _REQUESTS, read)
            last = monotonic() if lines else last
            for message in map(decode_to_child, lines):
                if isinstance(message, Request):
                    job.request(message)
            sleep(_POLL_SECONDS)
        os._exit(1)


def folder_job_argv(folder: Path) -> list[str]:
    """The command that executes the job in `folder`."""
    return [sys.executable, "-P", "-m", "mtl_core.engine.executor.folder_job", str(folder)]


def _append(file: Path, message: ToChild | FromChild) -> None:
    with file.open("ab") as lines:
        lines.write(encode(message))


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
