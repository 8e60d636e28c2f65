"""The process on a machine of a Ray cluster that executes one job."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import gethostname
from uuid import uuid4

from mtl_core import __version__
from mtl_core.engine.executor.folders import Folder, unpack
from mtl_core.engine.executor.interface import Job
from mtl_core.engine.executor.node_job import NodeJob, Request
from mtl_core.engine.protocol import AboutRuns
from mtl_core.settings import default_home

_MARKER = "cluster-marker"


@dataclass(frozen=True)
class DriverHome:
    """FREEZE_LAB_HOME of the driver, and the text of a file in it.

    By that file a machine recognises the folder if it has it too, at any path.
    """

    folder: Path
    text: str

    @classmethod
    def marked(cls, folder: Path) -> "DriverHome":
        """The home with its file, which another driver may have written. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / _MARKER
        with suppress(FileExistsError), file.open("x", encoding="utf-8") as new:
            new.write(uuid4().hex)
        return cls(folder, file.read_text(encoding="utf-8"))

    def is_at(self, folder: Path) -> bool:
        """Whether `folder` on this machine is the driver's home."""
        with suppress(OSError):
            return (folder / _MARKER).read_text(encoding="utf-8") == self.text
        return False

    def here(self) -> Path:
        """FREEZE_LAB_HOME of this machine. Without the variable, the driver's path if it exists."""
        if named := os.environ.get("FREEZE_LAB_HOME"):
            return Path(named)
        return self.folder if self.is_at(self.folder) else default_home()


@dataclass(frozen=True)
class Machine:
    """A machine of the cluster. `has_home`: it has the driver's FREEZE_LAB_HOME."""

    name: str
    has_home: bool
    version: str


class NodeActor:
    """Executes one job. Ray calls the methods, `request` beside `execute`.

    `environment` has the variables that a run depends on, and `argv` is the trainer's command.
    """

    def __init__(
        self, home: DriverHome, environment: Mapping[str, str], argv: Sequence[str]
    ) -> None:
        self._home, self._home_here = home.folder, home.here()
        self._has_home, self._argv = home.is_at(self._home_here), argv
        os.environ.pop("OMP_NUM_THREADS", None)  # set by Ray; a run sets its own threads
        os.environ.update(environment, FREEZE_LAB_HOME=str(self._home_here))
        self._job: NodeJob | None = None
        self._early: list[Request] = []

    def machine(self) -> Machine:
        """The machine on which this process runs."""
        return Machine(gethostname(), self._has_home, __version__)

    def prepare(self, job: Job) -> None:
        """Delete what an earlier attempt at these runs has left on this machine."""
        self._job = NodeJob(
            job, self._home, self._home_here, returns_folders=not self._has_home, argv=self._argv
        )
        self._job.delete_folders()
        for early in self._early:
            self._job.request(early)

    def receive(self, folder: Folder) -> None:
        """Write a folder that the job reads."""
        unpack(self._home_here, folder)

    def execute(self) -> Iterator[list[AboutRuns | Folder]]:
        """Execute the prepared job; its messages as they arrive."""
        if self._job is not None:
            yield from self._job.messages()

    def request(self, message: Request) -> None:
        """Stop, end or save a run of the job."""
        if self._job is None:
            self._early.append(message)
        else:
            self._job.request(message)
