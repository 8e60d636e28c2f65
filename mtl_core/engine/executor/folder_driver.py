"""The driver of a batch system: each job is a command that executes a folder (`folder_job`).

The arguments are the launcher, FREEZE_LAB_HOME and the command of a trainer. The machines share
FREEZE_LAB_HOME. How many jobs run at once is the decision of the batch system.
"""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from select import select
from time import monotonic
from uuid import uuid4

from mtl_core.engine.executor.folder_job import KEEP_ALIVE_SECONDS, FolderJob, folder_job_argv
from mtl_core.engine.executor.interface import about, ended_by
from mtl_core.engine.executor.launchers import Launched, launcher_of
from mtl_core.engine.executor.node_job import Request
from mtl_core.engine.parent import INPUT, Lines, connect
from mtl_core.engine.protocol import (
    AboutRuns,
    ClusterCapacity,
    End,
    EventMessage,
    FromChild,
    Lost,
    SaveState,
    Stop,
    Submit,
    decode_to_child,
    encode,
)
from mtl_core.errors import BadInput
from mtl_core.training.events import RunFailed

_POLL_SECONDS = 0.2
_UNLIMITED = ClusterCapacity(cores=1_000_000, memory_bytes=10**18, accelerators=1_000_000)


class _LaunchedFolder:
    """A job in its folder. `runs` are those of which messages follow."""

    def __init__(self, submit: Submit, folder: FolderJob, command: Launched) -> None:
        self.runs = {each.run for each in submit.runs}
        self.folder, self._command = folder, command
        self._kept_alive = monotonic()

    def request(self, message: Request) -> None:
        """Stop, end or save a run; the command is cancelled if it has no other run."""
        if isinstance(message, End):
            self.runs.discard(message.run)
        if self.runs:
            self.folder.request(message)
        else:
            self._command.cancel()

    def messages(self) -> Iterator[AboutRuns]:
        """What has arrived; the runs are lost if the command has ended without their end."""
        if monotonic() - self._kept_alive >= KEEP_ALIVE_SECONDS:
            self._kept_alive = monotonic()
            self.folder.keep_alive()
        reason = self._command.ended()  # before its last messages are read
        for message in self.folder.messages():
            known = about(message, self.runs)  # a run that was ended may be submitted again
            if known is not None:
                self.runs -= ended_by(known)
                yield known
        if reason is not None and self.runs:
            yield Lost(runs=tuple(sorted(self.runs)), reason=reason)
            self.runs.clear()

    def cancel(self) -> None:
        """End the command."""
        self._command.cancel()


class FolderDriver:
    """Launches jobs and passes their messages to `send`."""

    def __init__(
        self,
        send: Callable[[FromChild], None],
        kind: str,
        home: Path,
        trainer_argv: Sequence[str],
    ) -> None:
        self._send, self._kind = send, kind
        self._home, self._trainer_argv = home, trainer_argv
        self._jobs: list[_LaunchedFolder] = []

    def handle(self, message: object) -> None:
        """Handle a message of the parent."""
        if isinstance(message, Submit):
            self._submit(message)
        elif isinstance(message, Stop | SaveState | End):
            for job in self._jobs:
                if message.run in job.runs:
                    job.request(message)

    def receive(self) -> None:
        """Pass on what has arrived, and remove the folders of jobs that have ended."""
        for job in tuple(self._jobs):
            for message in job.messages():
                self._send(message)
            if not job.runs:
                self._jobs.remove(job)
                job.cancel()
                shutil.rmtree(job.folder.folder, ignore_errors=True)

    def close(self) -> None:
        """Cancel all jobs."""
        for job in self._jobs:
            job.cancel()

    def _submit(self, submit: Submit) -> None:
        folder = FolderJob(self._home / "jobs" / f"{submit.runs[0].run}-{uuid4().hex[:8]}")
        try:
            folder.write(submit.runs, self._home, self._trainer_argv)
            argv = folder_job_argv(folder.folder)
            command = launcher_of(self._kind).launch(argv, submit.demand, folder.folder)
        except (OSError, BadInput) as problem:
            for each in submit.runs:
                event = RunFailed.of(problem, 0.0)
                self._send(EventMessage(run=each.run, event=event))
            return
        self._jobs.append(_LaunchedFolder(submit, folder, command))


def main() -> None:
    """Serve the parent until it is gone, then cancel all jobs."""
    logging.basicConfig()
    kind, home, *trainer_argv = sys.argv[1:]
    output, lines = connect(low_priority=False), Lines(INPUT)

    def send(message: FromChild) -> None:
        """Write a whole line. Raises OSError if the parent is gone."""
        left = encode(message)
        while left:
            left = left[os.write(output, left) :]

    driver = FolderDriver(send, kind, Path(home), trainer_argv)
    try:
        send(_UNLIMITED)
        while True:
            if select([INPUT], [], [], _POLL_SECONDS)[0]:
                arrived = lines.read()
                if arrived is None:
                    break
                for line in arrived:
                    driver.handle(decode_to_child(line))
            driver.receive()
    except BrokenPipeError:
        logging.warning("The server has ended, so its jobs are cancelled.")
    finally:
        driver.close()


if __name__ == "__main__":
    main()
