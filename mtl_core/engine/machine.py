"""The cores and the memory that the runs of this machine may use, read from the kernel.

The limits of control groups (containers, systemd) are considered, in both versions. A file that
does not exist sets no limit.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import ceil
from pathlib import Path

from mtl_core.settings import available_cores

_ROOT = Path("/")
_RESERVE_SHARE = 0.1
"""Share of the free memory that stays free, for the server and for errors of the estimates."""
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
_ACCELERATORS = ("dev/nvidiactl", "dev/dxg", "dev/kfd")


def usable_cores(root: Path = _ROOT) -> int:
    """The cores of this process, at least 1, limited by the quota of its control groups."""
    limits = [available_cores()]
    for group in _groups(root):
        quota, _, period = _text(group / "cpu.max").partition(" ")
        limits += _cores(quota, period)
    old = root / "sys/fs/cgroup/cpu"
    limits += _cores(_text(old / "cpu.cfs_quota_us"), _text(old / "cpu.cfs_period_us"))
    return max(1, min(limits))


def free_memory_bytes(pids: Sequence[int] = (), root: Path = _ROOT) -> int | None:
    """The memory for runs: what is free, less a tenth, and what the processes `pids` or those that
    they started use.

    None if the system does not report it.
    """
    free = [each for each in (_available_bytes(root), *_left_in_groups(root)) if each is not None]
    if not free:
        return None
    used = sum(_used_bytes(pid, root) for pid in pids)
    return int(max(0, min(free)) * (1 - _RESERVE_SHARE)) + used


def accelerator_exists(root: Path = _ROOT) -> bool:
    """Whether this machine seems to have a GPU that torch supports. Loads no library."""
    return sys.platform == "darwin" or any((root / each).exists() for each in _ACCELERATORS)


def gpu_count(root: Path = _ROOT) -> int:
    """The number of GPUs that runs may use at the same time, each for itself; at least 1.

    On NVIDIA's it is the number of their device files, or of those in CUDA_VISIBLE_DEVICES.
    """
    if (visible := _visible_gpus()) is not None:
        return max(1, len(visible))
    return max(1, sum(each.name[6:].isdecimal() for each in (root / "dev").glob("nvidia*")))


def use_only_gpu(number: int) -> None:
    """Let this process use only one GPU, counted among those that it may use.

    Call it before torch first computes on a GPU. A process that may use none still may not.
    """
    visible = _visible_gpus()
    if visible != []:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(number) if visible is None else visible[number]


def _visible_gpus() -> list[str] | None:
    """The GPUs that this process may use; None if it may use all."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    return None if names is None else [each.strip() for each in names.split(",") if each.strip()]


def usable_devices(root: Path = _ROOT) -> tuple[str, ...]:
    """The devices on which a run can compute here, as `accelerator_exists` finds them."""
    if not accelerator_exists(root):
        return ("cpu",)
    return ("cpu", "mps" if sys.platform == "darwin" else "cuda")


def multiplies_fast_in_bfloat16(root: Path = _ROOT) -> bool:
    """Whether the processor has instructions for products of bfloat16 matrices.

    They are AVX-512's or AMX's on x86, and BF16 on ARM. Only Linux reports them.
    """
    for line in _text(root / "proc/cpuinfo").splitlines():
        name, _, flags = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return not _BFLOAT16_FLAGS.isdisjoint(flags.split())
    return False


def _available_bytes(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None


def _left_in_groups(root: Path) -> Iterator[int]:
    """The bytes left in each control group with a limit; its file cache counts as free."""
    old = root / "sys/fs/cgroup/memory"
    for folder, limit, used, cache in (
        *((each, "memory.max", "memory.current", "inactive_file") for each in _groups(root)),
        (old, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most, current = _text(folder / limit), _text(folder / used)
        if most.isdecimal() and current.isdecimal():
            yield int(most) - int(current) + _statistic(folder / "memory.stat", cache)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of this process's control group (version 2) and of those around it."""
    top = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, path = line.split(":", 2)
        if number == "0":
            group = top / path.strip("/")
            while group.is_relative_to(top):
                yield group
                group = group.parent


def _cores(quota: str, period: str) -> list[int]:
    """The cores of a quota of microseconds per period; empty without a limit."""
    if quota.isdecimal() and period.isdecimal() and int(period) > 0:
        return [ceil(int(quota) / int(period))]
    return []


def _statistic(file: Path, name: str) -> int:
    for line in _text(file).splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _used_bytes(pid: int, root: Path) -> int:
    """The resident memory of a process, or of those that it started.

    A process that executes a job is a copy of `pid`, and shares most of its pages. The kernel's
    exact count takes tens of milliseconds.
    """
    children = _text(root / f"proc/{pid}/task/{pid}/children").split()
    return max(
        _resident_bytes(str(pid), root), sum(_resident_bytes(each, root) for each in children)
    )


def _resident_bytes(pid: str, root: Path) -> int:
    pages = _text(root / f"proc/{pid}/statm").split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if len(pages) > 1 else 0


def _text(file: Path) -> str:
    with suppress(OSError):
        return file.read_text(encoding="ascii", errors="replace").strip()
    return ""
