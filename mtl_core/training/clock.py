"""What a run measures of itself: seconds and the highest memory."""

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter


class Clock:
    """Seconds since it was made, and seconds spent in each kind of work."""

    def __init__(self) -> None:
        self._start = perf_counter()
        self._spent: dict[str, float] = {}

    def elapsed_seconds(self) -> float:
        """Seconds since the clock was made."""
        return perf_counter() - self._start

    def spent_seconds(self, kind: str) -> float:
        """Seconds spent so far in blocks marked as `kind`."""
        return self._spent.get(kind, 0.0)

    @contextmanager
    def spending(self, kind: str) -> Iterator[None]:
        """Add the seconds of this block to `kind`."""
        began = perf_counter()
        try:
            yield
        finally:
            self._spent[kind] = self.spent_seconds(kind) + perf_counter() - began


def forget_peak_memory(device: str = "cpu") -> None:
    """Begin a new peak, where the system can: a warm process would else report an older run's."""
    if device == "cuda":
        from torch import cuda

        cuda.reset_peak_memory_stats()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_bytes(device: str = "cpu") -> int:
    """The most memory this process has held, since `forget_peak_memory` where that works.

    With `device` "cuda" the card's; else the system's, which on MPS both share.
    """
    if device == "cuda":
        from torch import cuda

        return cuda.max_memory_allocated()
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
