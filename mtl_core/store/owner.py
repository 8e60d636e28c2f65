"""The process that executes a run."""

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_DEAD_STATES = "ZX"  # a zombie still has its number
_STATE, _START_TIME = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted after the name: proc(5)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process.

    The system may reuse its number, so its start time is part of its identity. `place` is where the
    number is valid: one boot of one machine and one namespace of process numbers (each container
    has its own).
    """

    place: str
    pid: int
    started: str | None  # clock ticks after boot; None if unknown

    @classmethod
    def this_process(cls) -> "Owner":
        """The current process."""
        pid = os.getpid()
        stat = _stat(pid)
        return cls(_this_place(), pid, stat[_START_TIME] if stat else None)

    @property
    def id(self) -> str:
        """All three fields in one text, the key in the store."""
        return f"{self.place}/{self.pid}/{self.started or ''}"

    def is_gone(self) -> bool | None:
        """Whether the process has ended; None if this process cannot determine it."""
        if self.place != _this_place() or self.started is None:
            return None
        stat = _stat(self.pid)
        return stat is None or stat[_STATE] in _DEAD_STATES or stat[_START_TIME] != self.started


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()  # the process name may contain spaces and brackets


@cache
def _this_place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()
