"""Executes a job on a machine of a cluster, with the trainer processes of that machine.

The machine may have its own FREEZE_LAB_HOME. Then it gets the folders that the job reads, and
returns those that the job writes: saved states, and the trained model before its final event.
"""

import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from mtl_core.engine.executor.folders import Folder, pack
from mtl_core.engine.executor.interface import Job, about, ended_by
from mtl_core.engine.executor.local import TRAINER_ARGV, LocalExecutor
from mtl_core.engine.protocol import (
    AboutRuns,
    End,
    EventMessage,
    SaveState,
    Stop,
    Train,
)
from mtl_core.errors import DataError
from mtl_core.file_access import FileAccess
from mtl_core.tasks.upload_reference import upload_folder
from mtl_core.training.events import RunFailed, RunFinished
from mtl_core.training.saved_state import saved_at

Request = Stop | SaveState | End

_POLL_SECONDS = 0.1
_MOST_AT_ONCE = 200
_PASSED_ON = ("MATRIX_PRODUCTS", "STATE_SECONDS", "CACHE_BYTES", "PREFIX_MEMORY_BYTES")


class NodeJob:
    """A job, executed by `messages`. `request` may be called in another thread.

    `home` is FREEZE_LAB_HOME of the machine that submits the job, `home_here` that of this one.
    With `returns_folders` they are not the same folder, so what the job writes is returned.
    """

    def __init__(
        self,
        job: Job,
        home: Path,
        home_here: Path,
        *,
        returns_folders: bool = False,
        argv: Sequence[str] = TRAINER_ARGV,
    ) -> None:
        self._submitted = {each.run: each for each in job}
        self._returns_folders = returns_folders
        self._job = tuple(_moved(each, home, home_here) for each in job)
        self._home = home_here
        self._argv = argv
        self._requests: SimpleQueue[Request] = SimpleQueue()
        self._returned: dict[str, float | None] = {}

    def delete_folders(self) -> None:
        """Delete what runs of the job have left on this machine, if it is returned."""
        for each in self._job if self._returns_folders else ():
            for folder in (each.state, each.output):
                if folder is not None:
                    shutil.rmtree(folder, ignore_errors=True)

    def request(self, message: Request) -> None:
        """Stop, end or save a run, as an executor does."""
        self._requests.put(message)

    def messages(self) -> Iterator[list[AboutRuns | Folder]]:
        """Execute the job; what has arrived since the last list, until all runs have ended."""
        left = set(self._submitted)
        self._returned = {each.run: saved_at(Path(each.state)) for each in self._job if each.state}
        executor = LocalExecutor(self._argv)
        try:
            executor.submit(self._job)
            while left:
                self._forward_requests(executor, left)
                arrived = list(_arrived(executor))
                known = [each for each in (about(one, left) for one in arrived) if each]
                yield [*self._folders(known), *map(self._as_submitted, known)]
                for each in known:
                    left -= ended_by(each)
        finally:
            executor.close()
            self.delete_folders()

    def _forward_requests(self, executor: LocalExecutor, left: set[str]) -> None:
        while True:
            try:
                message = self._requests.get_nowait()
            except Empty:
                return
            match message:
                case Stop():
                    executor.stop(message.run)
                case SaveState():
                    executor.save_state(message.run)
                case End():
                    executor.end(message.run)
                    left.discard(message.run)

    def _folders(self, arrived: Sequence[AboutRuns]) -> Iterator[Folder]:
        """The folders that were written since the last call, if they are returned."""
        if not self._returns_folders:
            return
        for each in self._job:
            if each.state is None:
                continue
            saved = saved_at(Path(each.state))
            if saved is not None and saved != self._returned.get(each.run):
                self._returned[each.run] = saved
                yield pack(self._home, Path(each.state))
        for message in arrived:
            event = message.event if isinstance(message, EventMessage) else None
            if isinstance(event, RunFinished) and event.output is not None:
                yield pack(self._home, Path(event.output))

    def _as_submitted(self, message: AboutRuns) -> AboutRuns:
        """The message with the output folder that was submitted, and the machine of an error."""
        if not isinstance(message, EventMessage):
            return message
        event = message.event
        if isinstance(event, RunFinished) and event.output is not None:
            event = event.model_copy(update={"output": self._submitted[message.run].output})
        if isinstance(event, RunFailed) and self._returns_folders:
            reason = f"{event.reason} (on {socket.gethostname()})"
            event = event.model_copy(update={"reason": reason})
        return message.model_copy(update={"event": event})


def passed_on_environment() -> dict[str, str]:
    """The variables on which a run depends, for another machine."""
    names = (f"FREEZE_LAB_{each}" for each in _PASSED_ON)
    return {name: os.environ[name] for name in names if name in os.environ}


def needed_folders(job: Job, home: Path) -> tuple[Path, ...]:
    """The folders in `home` that a job reads.

    Its saved states, the model that it starts from, and uploaded data. What is elsewhere must be
    at the same place on each machine.
    """
    found: list[Path] = []
    for each in job:
        candidates = [Path(path) for path in (each.state, each.start) if path]
        for data in (each.spec.data, *each.spec.also_evaluate):
            with suppress(DataError):  # no upload, or the run reports it
                candidates.append(upload_folder(data, each.access.uploads))
        found += [each for each in candidates if each.is_relative_to(home) and each.is_dir()]
    return tuple(dict.fromkeys(found))


def _moved(train: Train, home: Path, home_here: Path) -> Train:
    """The run with its folders in the home of this machine."""
    if home == home_here:
        return train

    def moved(path: str | None) -> str | None:
        if path is None or not Path(path).is_relative_to(home):
            return path
        return str(home_here / Path(path).relative_to(home))

    uploads = train.access.uploads
    access: FileAccess = train.access.model_copy(
        update={"uploads": None if uploads is None else Path(moved(str(uploads)) or uploads)}
    )
    return train.model_copy(
        update={
            "output": moved(train.output),
            "state": moved(train.state),
            "start": moved(train.start),
            "access": access,
        }
    )


def _arrived(executor: LocalExecutor) -> Iterator[AboutRuns]:
    """Wait for a message; it and those that have arrived with it."""
    message = executor.receive(_POLL_SECONDS)
    for _ in range(_MOST_AT_ONCE):
        if message is None:
            return
        yield message
        message = executor.receive(0.0)
