"""Machines that get a share of one core each, by the scheduler of Linux.

Many machines of a benchmark then fit on few cores. Needs root and the `cpu` controller of cgroup v1
in /sys/fs/cgroup/cpu.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

CONTROLLER = Path("/sys/fs/cgroup/cpu")
_PERIOD_MICROSECONDS = 20_000
"""A short period: a process that has used its share waits for the rest of it."""


@contextmanager
def cpu_quotas(count: int, share: float) -> Iterator[list[Path]]:
    """Control groups whose processes together get `share` of one core each."""
    folders = [CONTROLLER / f"freeze-lab-{os.getpid()}-{number}" for number in range(count)]
    try:
        for folder in folders:
            folder.mkdir()
            (folder / "cpu.cfs_period_us").write_text(str(_PERIOD_MICROSECONDS))
            (folder / "cpu.cfs_quota_us").write_text(str(int(share * _PERIOD_MICROSECONDS)))
    except OSError as problem:
        sys.exit(f"A share of a core needs root and cgroup v1 with its cpu controller: {problem}")
    try:
        yield folders
    finally:
        for folder in folders:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a control group once its processes have ended."""
    until = monotonic() + 30
    while (folder / "cgroup.procs").read_text() and monotonic() < until:
        sleep(0.1)
    folder.rmdir()
