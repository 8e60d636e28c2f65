"""The driver of a batch system: each job is a command that executes a folder (`folder_job`).

The arguments are the launcher, FREEZE_LAB_HOME and the command of a trainer. The machines share
FREEZE_LAB_HOME. How many jobs run at once is the decision of the batch system.
"""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select
from time import monotonic, sleep
from uuid import uuid4

from mtl_core.engine.executor.folder_job import KEEP_ALIVE_SECONDS, FolderJob, folder_job_argv
from mtl_core.engine.executor.interface import failures, take
from mtl_core.engine.executor.launchers import Launched, launcher_of
from mtl_core.engine.executor.node_job import Request
from mtl_core.engine.parent import INPUT, Lines, connect
from mtl_core.engine.protocol import (
    AboutRuns,
    ClusterCapacity,
    End,
    FromChild,
    Lost,
    SaveState,
    Stop,
    Submit,
    decode_to_child,
    encode,
)

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.2
_ENDS_SECONDS = 1.0  # until a process has noticed that its folder is deleted
_UNLIMITED = ClusterCapacity(cores=1_000_000, memory_bytes=None, accelerators=1_000_000)


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
            self.cancel()

    def messages(self) -> Iterator[AboutRuns]:
        """What has arrived; the runs are lost if the command has ended without their end."""
        if monotonic() - self._kept_alive >= KEEP_ALIVE_SECONDS:
            self._kept_alive = monotonic()
            self.folder.keep_alive()
        reason = self._command.ended()  # before its last messages are read
        if self.folder.is_silent():
            reason = "Its process has written nothing for five minutes."
        for message in self.folder.messages():
            known = take(message, self.runs)  # a run that was ended may be submitted again
            if known is not None:
                yield known
        if reason is not None and self.runs:
            yield Lost(runs=tuple(sorted(self.runs)), reason=reason)
            self.runs.clear()

    def delete_folder(self) -> None:
        """Delete the folder; a process that still executes it ends by that."""
        shutil.rmtree(self.folder.folder, ignore_errors=True)

    def cancel(self) -> None:
        """End the command. An error is logged: the process ends with its folder too."""
        try:
            self._command.cancel()
        except Exception as problem:
            logger.warning("A job could not be cancelled: %s", problem)


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
                    with _logged_errors():
                        job.request(message)

    def receive(self) -> None:
        """Pass on what has arrived, and remove the folders of jobs that have ended."""
        for job in tuple(self._jobs):
            arrived: list[AboutRuns] = []
            with _logged_errors():
                arrived.extend(job.messages())
            for message in arrived:
                self._send(message)
            if not job.runs:
                self._jobs.remove(job)
                job.delete_folder()
                job.cancel()

    def close(self) -> None:
        """End all jobs, first by their folders, which takes no time."""
        for job in self._jobs:
            job.delete_folder()
        for job in self._jobs:
            job.cancel()

    def _submit(self, submit: Submit) -> None:
        run = submit.runs[0].run
        folder = FolderJob(self._home / "jobs" / f"{run}-{uuid4().hex[:8]}")
        try:
            self._end_earlier(run)
            folder.write(submit.runs, self._home, self._trainer_argv)
            argv = folder_job_argv(folder.folder)
            command = launcher_of(self._kind).launch(argv, submit.demand, folder.folder)
        except Exception as problem:  # also those of submitit: one job must not end the others
            shutil.rmtree(folder.folder, ignore_errors=True)
            for message in failures((each.run for each in submit.runs), problem):
                self._send(message)
            return
        self._jobs.append(_LaunchedFolder(submit, folder, command))

    def _end_earlier(self, run: str) -> None:
        """End a job of the same run that a killed driver has left: both would write its state."""
        earlier = list((self._home / "jobs").glob(f"{run}-*"))
        for each in earlier:
            shutil.rmtree(each, ignore_errors=True)
        if earlier:
            sleep(_ENDS_SECONDS)


@contextmanager
def _logged_errors() -> Iterator[None]:
    """Log an error of the disk or of the batch system, such as a full one: the job continues."""
    try:
        yield
    except OSError as problem:
        logger.warning("The folder of a job could not be used: %s", problem)


def main() -> None:
    """Serve the parent until it is gone, then cancel all jobs."""
    logging.basicConfig()
    kind, home, *trainer_argv = sys.argv[1:]
    output, lines = connect(low_priority=False, first_oom_victim=False), Lines(INPUT)

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
