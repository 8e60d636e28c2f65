"""The driver of a Ray cluster: executes each job in an actor on a machine with free cores.

The cluster is the one at RAY_ADDRESS, or one of this machine alone that ends with the driver.
Each of its machines needs Freeze Lab of the same version. The arguments of the driver are
FREEZE_LAB_HOME and the command of a trainer.
"""

import logging
import os
import socket
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from mtl_core import __version__
from mtl_core.engine.capacity import Demand
from mtl_core.engine.executor.cluster import RECONNECTS
from mtl_core.engine.executor.folders import Folder, pack, remove_drafts, unpack
from mtl_core.engine.executor.interface import failures, take
from mtl_core.engine.executor.node_job import Request, needed_folders, passed_on_environment
from mtl_core.engine.executor.ray_node import DriverHome, Machine, NodeActor
from mtl_core.engine.parent import Parent, connect, send
from mtl_core.engine.protocol import (
    AboutRuns,
    ClusterCapacity,
    End,
    FromChild,
    Lost,
    SaveState,
    Stop,
    Submit,
)
from mtl_core.errors import BadInput, FreezeLabError

_CAPACITY_SECONDS = 2.0
_CONNECT_SECONDS = 5.0
_RECONNECT_SECONDS, _RETRY_SECONDS = 300.0, 5.0


class RayDriver:
    """Connects to the cluster and follows each job in a thread."""

    def __init__(self, output: int, home: Path, trainer_argv: tuple[str, ...]) -> None:
        self._output, self._trainer_argv = output, trainer_argv
        self._send_lock = threading.Lock()
        self._jobs: list[_FollowedJob] = []
        self._ray: Any = None
        self._folder = home
        self._home: DriverHome | None = None

    def connect(self) -> None:
        """Connect to the cluster, or start one on this machine. Raises BadInput.

        A driver that replaces a lost one tries for a few minutes: the cluster may be starting.
        """
        if self._ray is not None:
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        until = monotonic() + (_RECONNECT_SECONDS if os.environ.pop(RECONNECTS, None) else 0.0)
        while True:
            try:
                self._ray = _connected(os.environ.get("RAY_ADDRESS"))
                break
            except BadInput:
                if monotonic() > until:
                    raise
                sleep(_RETRY_SECONDS)
        self._home = DriverHome.marked(self._folder)
        remove_drafts(self._folder)
        threading.Thread(target=self._report_capacity, name="capacity", daemon=True).start()

    def handle(self, message: object) -> None:
        """Handle a message of the parent."""
        if isinstance(message, Submit):
            self._submit(message)
        elif isinstance(message, Stop | SaveState | End):
            for job in tuple(self._jobs):
                if message.run in job.runs:
                    job.request(message)

    def send(self, message: FromChild) -> None:
        """Send a message to the parent, from any thread."""
        with self._send_lock:
            send(self._output, message)

    def fail(self, runs: set[str], problem: Exception) -> None:
        """Send the final event of runs that cannot be executed."""
        for message in failures(sorted(runs), problem):
            self.send(message)

    def _submit(self, submit: Submit) -> None:
        try:
            self.connect()
            actor = self._actor(submit.demand)
        except Exception as problem:  # also Ray's own: one job must not end the others
            self.fail({each.run for each in submit.runs}, problem)
            return
        job = _FollowedJob(self, submit, actor, self._ray, self._folder)
        self._jobs.append(job)
        threading.Thread(target=self._follow, args=(job,), name="job", daemon=True).start()

    def _follow(self, job: "_FollowedJob") -> None:
        try:
            job.follow()
        finally:
            self._jobs.remove(job)

    def _actor(self, demand: Demand) -> Any:
        """Create the actor of a job. Raises BadInput if no machine is large enough."""
        options = {"max_concurrency": 2, **self._resources(demand)}
        remote = self._ray.remote(**options)(NodeActor)
        return remote.remote(self._home, passed_on_environment(), self._trainer_argv)

    def _resources(self, demand: Demand) -> dict[str, float]:
        """What Ray reserves for a job. Raises BadInput if no machine has it.

        Memory is reserved if a machine with the cores has as much; it is an estimate.
        """
        needed: dict[str, float] = {"CPU": demand.threads}
        if demand.accelerated:
            needed["GPU"] = 1
        machines = [each["Resources"] for each in self._ray.nodes() if each["Alive"]]
        fitting = [each for each in machines if _has(each, needed)]
        if not fitting:
            gpu = " and a GPU" if demand.accelerated else ""
            cores = max((each.get("CPU", 0) for each in machines), default=0)
            raise BadInput(
                f"A run with {demand.threads} threads needs a machine with as many cores{gpu}; the "
                f"largest of the Ray cluster has {cores:g} cores. Set FREEZE_LAB_THREADS to fewer, "
                "or choose another device."
            )
        reserved: dict[str, float] = {"num_cpus": demand.threads}
        if demand.accelerated:
            reserved["num_gpus"] = 1
        if demand.memory_bytes and any(
            _has(each, {"memory": demand.memory_bytes}) for each in fitting
        ):
            reserved["memory"] = demand.memory_bytes
        return reserved

    def _report_capacity(self) -> None:
        """Send what the cluster has, whenever it changes."""
        last = None
        while True:
            with suppress(Exception):  # a lost connection is reported by the jobs
                found = self._ray.cluster_resources()
                now = ClusterCapacity(
                    cores=int(found.get("CPU", 0)),
                    memory_bytes=int(found.get("memory", 0)),
                    accelerators=int(found.get("GPU", 0)),
                )
                if now != last:
                    self.send(now)
                    last = now
            sleep(_CAPACITY_SECONDS)


class _FollowedJob:
    """A job in its actor. `runs` are those of which messages follow."""

    def __init__(self, driver: RayDriver, submit: Submit, actor: Any, ray: Any, home: Path) -> None:
        self.runs = {each.run for each in submit.runs}
        self._driver, self._job, self._actor = driver, submit.runs, actor
        self._ray, self._home = ray, home
        self._place = "a machine of the cluster"

    def request(self, message: Request) -> None:
        """Stop, end or save a run; the actor is killed if it has no other run."""
        if isinstance(message, End):
            self.runs.discard(message.run)
        if self.runs:
            self._actor.request.remote(message)
        else:
            self._ray.kill(self._actor)

    def follow(self) -> None:
        """Send the messages of the job until all its runs have ended."""
        try:
            self._prepare()
            stream = self._actor.execute.options(num_returns="streaming").remote()
            for reference in stream:
                for message in self._ray.get(reference):
                    self._pass_on(message)
        except self._ray.exceptions.RayTaskError as problem:
            self._driver.fail(self.runs, problem.cause)
        except self._ray.exceptions.RayError as problem:
            self._lose(problem)
        except Exception as problem:
            self._driver.fail(self.runs, problem)
        finally:
            with suppress(Exception):  # its machine may be lost
                self._ray.kill(self._actor)

    def _prepare(self) -> None:
        """Wait for the actor, and send what its machine needs. Raises BadInput."""
        machine: Machine = self._ray.get(self._actor.machine.remote())
        self._place = machine.name
        if machine.version != __version__:
            raise BadInput(
                f"Freeze Lab {machine.version} is installed on {machine.name}, and {__version__} "
                "on this machine. Install the same version on each machine of the cluster."
            )
        self._ray.get(self._actor.prepare.remote(self._job))
        if not machine.has_home:
            for folder in needed_folders(self._job, self._home):
                self._ray.get(self._actor.receive.remote(pack(self._home, folder)))

    def _pass_on(self, message: AboutRuns | Folder) -> None:
        if isinstance(message, Folder):
            if self.runs:  # otherwise they were ended, and perhaps deleted
                unpack(self._home, message)
            return
        known = take(message, self.runs)  # a run that was ended may be submitted again
        if known is not None:
            self._driver.send(known)

    def _lose(self, problem: Exception) -> None:
        if self.runs:
            cause = str(problem).split("\n", 1)[0].strip()
            reason = f"The process on {self._place} was lost: {cause}"
            self._driver.send(Lost(runs=tuple(sorted(self.runs)), reason=reason))


def _connected(address: str | None) -> Any:
    """Ray's module, connected to the cluster, or to a new one on this machine. Raises BadInput."""
    where = f"at RAY_ADDRESS={address}" if address else "of this machine"
    try:
        import ray

        if address:
            _require_listener(address)
        ray.init(
            address=address or "local",
            namespace="freeze-lab",
            log_to_driver=False,
            logging_level=logging.ERROR,
            include_dashboard=None if address else False,
        )
    except ImportError as problem:
        raise BadInput(
            f"Ray is not installed ({problem}). Install it with: pip install 'freeze-lab[ray]'"
        ) from None
    except Exception as problem:  # Ray has errors of many kinds
        cause = str(problem).strip().splitlines()[0] if str(problem).strip() else repr(problem)
        raise BadInput(
            f"The Ray cluster {where} cannot be reached: {cause} Check that `ray status` works on "
            "this machine."
        ) from problem
    return ray


def _has(machine: Mapping[str, float], needed: Mapping[str, float]) -> bool:
    return all(machine.get(name, 0) >= amount for name, amount in needed.items())


def _require_listener(address: str) -> None:
    """Raises ConnectionError if nothing listens at HOST:PORT: Ray would try for a minute."""
    host, colon, port = address.rpartition(":")
    if "://" in address or not (colon and port.isdecimal()):
        raise ConnectionError("HOST:PORT is needed, such as 10.0.0.1:6379.")
    try:
        socket.create_connection((host, int(port)), _CONNECT_SECONDS).close()
    except OSError as problem:
        raise ConnectionError(f"{problem.strerror or problem}.") from None


def main() -> None:
    """Serve the parent until it is gone."""
    logging.basicConfig()
    home, *trainer_argv = sys.argv[1:]
    output = connect(low_priority=False, first_oom_victim=False)
    driver = RayDriver(output, Path(home), tuple(trainer_argv))
    if RECONNECTS not in os.environ:
        with suppress(FreezeLabError):  # the first job tries again and reports it
            driver.connect()
    for message in Parent(output).messages():
        driver.handle(message)


if __name__ == "__main__":
    main()
