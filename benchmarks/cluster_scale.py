"""Seconds of a comparison on one, two and more machines of a Ray cluster, and on this machine.

    python benchmarks/cluster_scale.py [--machines 1,2] [--seeds 20] [--epochs 1]
        [--scenarios heads-only,top-1,top-2,top-3,full] [--data sample-small]

Each measurement is one `compare` as a user calls it, a whole process with an empty home and one
thread for each run. A machine of the cluster is a Ray node on loopback with one core, so there
should be no more of them than this machine has cores. All losses must be the same everywhere to the
last bit; a difference is an error. Prints a Markdown table. The efficiency is the speed-up over one
machine, divided by the number of machines. The last column has the CPU seconds of the command and
its processes for each run: on a cluster what the machine that starts the runs does for them.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from mtl_core.store.runs import RunStore
from tests.ray_cluster import RayCluster

Losses = dict[tuple[str, int], list[object]]
"""The losses of each step, by plan and seed."""


class Measured(NamedTuple):
    """A comparison that has finished."""

    seconds: float
    cpu_seconds: float
    losses: Losses

    @property
    def cpu_seconds_per_run(self) -> float:
        """Of the command and its processes; those of a cluster are not among them."""
        return self.cpu_seconds / len(self.losses)


def main() -> None:
    """Run the comparison everywhere and print the table."""
    arguments = _arguments()
    alone = _compared(arguments, {"FREEZE_LAB_PARALLEL_RUNS": "1"})
    print("| runs are executed | seconds | speed-up | efficiency | CPU seconds per run |")
    print("|---|--:|--:|--:|--:|")
    local = f"{alone.seconds:.1f} | | | {alone.cpu_seconds_per_run:.2f}"
    print(f"| on this machine, one at a time | {local} |", flush=True)
    first = None
    for count in map(int, arguments.machines.split(",")):
        with RayCluster(cores=(0, *[1] * count)) as cluster:
            variables = {"FREEZE_LAB_EXECUTOR": "ray", "RAY_ADDRESS": cluster.address}
            found = _compared(arguments, variables)
        if found.losses != alone.losses:
            sys.exit(f"The losses on {count} machines differ from those on this machine.")
        first = first or found.seconds * count
        speed_up = first / found.seconds
        row = f"{found.seconds:.1f} | {speed_up:.2f} | {speed_up / count:.0%}"
        machines = f"{count} machine{'s' * (count > 1)} of one core"
        print(f"| on {machines} | {row} | {found.cpu_seconds_per_run:.2f} |", flush=True)
    print(f"\n{len(alone.losses)} runs; all losses are the same to the last bit.")


def _compared(arguments: argparse.Namespace, variables: Mapping[str, str]) -> Measured:
    with tempfile.TemporaryDirectory() as home:
        began, cpu_before = monotonic(), _cpu_seconds_of_children()
        done = subprocess.run(  # noqa: S603 - our own command
            [
                *(sys.executable, "-m", "mtl_core", "compare"),
                *("--scenarios", arguments.scenarios, "--epochs", arguments.epochs),
                *("--seeds", ",".join(map(str, range(arguments.seeds)))),
                *("--data", arguments.data, "--format", "json"),
            ],
            env={**os.environ, "FREEZE_LAB_THREADS": "1", **variables, "FREEZE_LAB_HOME": home},
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            sys.exit(done.stderr.strip())
        seconds, cpu_seconds = monotonic() - began, _cpu_seconds_of_children() - cpu_before
        return Measured(seconds, cpu_seconds, _losses(Path(home) / "runs.sqlite"))


def _cpu_seconds_of_children() -> float:
    """Of all child processes that have ended, and their own."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _losses(file: Path) -> Losses:
    with closing(RunStore(file)) as store:
        (comparison,) = store.comparisons(limit=1)
        return {
            (run.spec.arm_name, run.spec.seed): [
                json.dumps(event.loss)
                for _, event in store.events(run.id, kinds={"step"})
                if event.event == "step"
            ]
            for run in comparison.runs
        }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--machines", default="1,2")
    parser.add_argument("--scenarios", default="heads-only,top-1,top-2,top-3,full")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--epochs", default="1")
    parser.add_argument("--data", default="sample-small")
    return parser.parse_args()


if __name__ == "__main__":
    main()
