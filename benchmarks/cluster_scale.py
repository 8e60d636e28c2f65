"""Seconds of a comparison on one, two and more machines of a Ray cluster, and on this machine.

    python benchmarks/cluster_scale.py [--machines this,1,2] [--core-share 1] [--seeds 20]
        [--epochs 1] [--scenarios heads-only,top-1,top-2,top-3,full] [--data sample-small]
        [--results FILE]

Each measurement is one `compare` as a user calls it, a whole process with an empty home and one
thread for each run. `this` executes the runs here, one at a time. A machine of the cluster is a Ray
node on loopback with one core, or with a share of one (`--core-share 0.4`, see `cpu_quota.py`).
Together they should have less than this machine: the command that starts the runs needs some too.

All losses must be the same everywhere to the last bit; a difference is an error. A measurement in
--results is not repeated, so an interrupted command continues there. Prints a Markdown table. The
speed-up is that over the smallest number of machines, and the efficiency the share of it that is
reached. The last column has the CPU seconds of the command and its processes for each run: on a
cluster what the machine that starts the runs does for them.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from time import monotonic
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.cpu_quota import cpu_quotas
from mtl_core.store.runs import RunStore
from tests.ray_cluster import RayCluster

THIS = "this"
"""The runs are executed here, without a cluster."""


class Measured(NamedTuple):
    """A comparison that has finished. `losses` is the digest of those of all runs and steps.

    The CPU seconds are those of the command and its processes; a cluster's are not among them.
    """

    machines: str
    seconds: float
    cpu_seconds: float
    runs: int
    losses: str


def main() -> None:
    """Measure what the results lack and print the table."""
    arguments = _arguments()
    done = _known(arguments.results)
    for machines in arguments.machines.split(","):
        if machines not in done:
            done[machines] = _measure(arguments, machines)
            with arguments.results.open("a", encoding="utf-8") as results:
                results.write(json.dumps(done[machines]._asdict()) + "\n")
            print(done[machines], file=sys.stderr, flush=True)
    if len({(each.runs, each.losses) for each in done.values()}) > 1:
        sys.exit(f"The losses differ: {done}")
    print(_table(list(done.values()), arguments.core_share))


def _known(file: Path) -> dict[str, Measured]:
    if not file.exists():
        return {}
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {row["machines"]: Measured(**row) for row in rows}


def _measure(arguments: argparse.Namespace, machines: str) -> Measured:
    if machines == THIS:
        return _compared(arguments, machines, {"FREEZE_LAB_PARALLEL_RUNS": "1"})
    count, share = int(machines), arguments.core_share
    limits: AbstractContextManager[list[Path]] = (
        cpu_quotas(count, share) if share < 1 else nullcontext([])
    )
    with limits as quotas, RayCluster(cores=(0, *[1] * count), quotas=quotas) as cluster:
        variables = {"FREEZE_LAB_EXECUTOR": "ray", "RAY_ADDRESS": cluster.address}
        return _compared(arguments, machines, variables)


def _table(done: list[Measured], share: float) -> str:
    lines = [
        "| runs are executed | seconds | speed-up | efficiency | CPU seconds per run |",
        "|---|--:|--:|--:|--:|",
    ]
    clusters = {int(each.machines): each for each in done if each.machines != THIS}
    for each in done:
        if each.machines == THIS:
            lines.append(
                "| on this machine, one at a time "
                f"| {each.seconds:.1f} | | | {each.cpu_seconds / each.runs:.2f} |"
            )
    for count, each in sorted(clusters.items()):
        first = min(clusters)
        speed_up = clusters[first].seconds / each.seconds
        cores = "one core" if share == 1 else f"{share:g} of a core"
        efficiency = speed_up * first / count
        lines.append(
            f"| on {count} machine{'s' * (count > 1)} of {cores} | {each.seconds:.1f} "
            f"| {speed_up:.2f} | {efficiency:.0%} | {each.cpu_seconds / each.runs:.2f} |"
        )
    return "\n".join([*lines, "", f"{done[0].runs} runs; all losses are the same to the last bit."])


def _compared(
    arguments: argparse.Namespace, machines: str, variables: Mapping[str, str]
) -> Measured:
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
        runs, losses = _losses(Path(home) / "runs.sqlite")
        return Measured(machines, seconds, cpu_seconds, runs, losses)


def _cpu_seconds_of_children() -> float:
    """Of all child processes that have ended, and their own."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _losses(file: Path) -> tuple[int, str]:
    """The number of runs and the digest of the losses of all steps, by plan and seed."""
    with closing(RunStore(file)) as store:
        (comparison,) = store.comparisons(limit=1)
        losses = {
            f"{run.spec.arm_name}, {run.spec.seed}": [
                event.loss
                for _, event in store.events(run.id, kinds={"step"})
                if event.event == "step"
            ]
            for run in comparison.runs
        }
    text = json.dumps(losses, sort_keys=True)
    return len(losses), hashlib.sha256(text.encode()).hexdigest()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--machines", default=f"{THIS},1,2")
    parser.add_argument("--core-share", type=float, default=1.0)
    parser.add_argument("--scenarios", default="heads-only,top-1,top-2,top-3,full")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--epochs", default="1")
    parser.add_argument("--data", default="sample-small")
    parser.add_argument("--results", type=Path, default=Path("cluster_scale.jsonl"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
