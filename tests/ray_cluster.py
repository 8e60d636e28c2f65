"""A real Ray cluster on loopback, for tests and benchmarks."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType

RAY = str(Path(sys.executable).with_name("ray"))
_QUICK_TO_NOTICE = {
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_timeout_ms": "1000",
    "RAY_health_check_failure_threshold": "3",
}
"""A lost machine is noticed after two seconds instead of a quarter of a minute."""


class RayCluster:
    """Machines of a cluster, each with so many cores. The first one is the head.

    `homes` are the values of FREEZE_LAB_HOME of the machines; without them they have none of
    their own. Machines in `reserve` are started by `add_machine`. `quotas` are control groups of
    Linux for the machines after the head.
    """

    def __init__(
        self,
        cores: Sequence[int],
        homes: Sequence[Path] = (),
        reserve: Sequence[int] = (),
        quotas: Sequence[Path] = (),
    ) -> None:
        self._first, self._cores, self._homes = len(cores), [*cores, *reserve], homes
        self._quotas = quotas
        self._machines: list[subprocess.Popen[bytes]] = []
        self._folder = mkdtemp(prefix="ray-")
        self.address = f"127.0.0.1:{_free_port()}"

    def __enter__(self) -> "RayCluster":
        for _ in range(self._first):
            self.add_machine()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number in reversed(range(len(self._machines))):
            self.kill_machine(number)

    def add_machine(self) -> None:
        """Start the next machine; the first one is the head."""
        number = len(self._machines)
        port = self.address.rpartition(":")[2]
        joins = ["--head", f"--port={port}", "--include-dashboard=false"]
        if number > 0:
            joins = [f"--address={self.address}"]
        own: Mapping[str, str] = (
            {"FREEZE_LAB_HOME": str(self._homes[number])} if self._homes else {}
        )
        inherited = {name: os.environ[name] for name in os.environ if name != "FREEZE_LAB_HOME"}
        process = subprocess.Popen(
            [
                *(_within(self._quotas[number - 1]) if number and self._quotas else ()),
                *(RAY, "start", "--block", "--disable-usage-stats", "--node-ip-address=127.0.0.1"),
                *(f"--num-cpus={self._cores[number]}", *joins),
                *(f"--temp-dir={self._folder}",) * (number == 0),
            ],
            env={**inherited, **_QUICK_TO_NOTICE, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._machines.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if b"--block" in line or b"Ray runtime started" in line:
                return
        raise RuntimeError(f"Machine {number} of the Ray cluster has not started.")

    def kill_machine(self, number: int) -> None:
        """Kill all processes of a machine, as a power failure would."""
        process = self._machines[number]
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _within(quota: Path) -> Sequence[str]:
    """Starts the command that follows in a control group."""
    return ("sh", "-c", f'echo $$ > {quota}/cgroup.procs && exec "$@"', "sh")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
