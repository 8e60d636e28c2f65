"""Decides whether another job fits beside the running ones, and when there will be room."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import heapreplace

from mtl_core.engine.machine import (
    accelerator_exists,
    free_memory_bytes,
    gpu_count,
    usable_cores,
)
from mtl_core.settings import Settings


@dataclass(frozen=True, slots=True)
class Demand:
    """What a job needs while it runs.

    `memory_bytes` is the estimated peak of its process, None if unknown. `accelerated` is whether
    it computes on a GPU. A job with `alone` measures time, so no other may run beside it.
    """

    threads: int
    memory_bytes: int | None = 0
    accelerated: bool = False
    alone: bool = False


ONE_THREAD = Demand(threads=1)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What this machine, or a cluster, has for all jobs together.

    `memory_bytes` is the memory that the running jobs of this process use plus the free memory;
    None if unknown, which sets no limit.
    """

    runs: int
    cores: int
    memory_bytes: int | None = None
    accelerators: int = 1


def has_room(job: Demand, running: Sequence[Demand], capacity: Capacity) -> bool:
    """Whether `job` fits beside the `running` jobs; a job always fits if no other runs.

    The threads of all jobs must not exceed the cores, and their estimated memory not that of the
    machine. A job of unknown memory runs alone. A job on a GPU has it for itself.
    """
    jobs = (*running, job)
    if len(jobs) == 1:
        return True
    if len(jobs) > capacity.runs or any(each.alone for each in jobs):
        return False
    if sum(each.accelerated for each in jobs) > max(1, capacity.accelerators):
        return False
    if sum(each.threads for each in jobs) > capacity.cores:
        return False
    known = [each.memory_bytes for each in jobs if each.memory_bytes is not None]
    return capacity.memory_bytes is None or (
        len(known) == len(jobs) and sum(known) <= capacity.memory_bytes
    )


def in_use(job: Demand) -> Demand:
    """The demand of a job of another process: the memory that it uses is not free any more."""
    return job if job.memory_bytes is None else replace(job, memory_bytes=0)


def runs_at_once(threads: int, device: str, capacity: Capacity) -> int:
    """How many runs like this are trained at once, without regard to memory; one on each GPU."""
    if computes_on_accelerator(device):
        return max(1, min(capacity.runs, capacity.accelerators))
    return max(1, min(capacity.runs, capacity.cores // threads))


def free_times(running: Iterable[float], waiting: Iterable[float], at_once: int) -> list[float]:
    """When each of `at_once` places becomes free, in seconds from now, soonest first.

    `running` and `waiting` are the remaining seconds of runs. A waiting run starts, in order, as
    soon as a place is free. If more runs are running than there are places, the first to end make
    no place free.
    """
    free = sorted([*running, *[0.0] * at_once])[-at_once:]
    for seconds in waiting:
        heapreplace(free, free[0] + seconds)  # a sorted list is a heap
    return sorted(free)


def capacity_here(settings: Settings, pids: Sequence[int]) -> Capacity:
    """The capacity of this machine now; `pids` are the processes of the running jobs."""
    return Capacity(
        settings.parallel_runs, usable_cores(), free_memory_bytes(pids), accelerators=gpu_count()
    )


def computes_on_accelerator(device: str) -> bool:
    """Whether a run with this `device` computes on a GPU; `auto` does if this machine has one."""
    return accelerator_exists() if device == "auto" else device != "cpu"
