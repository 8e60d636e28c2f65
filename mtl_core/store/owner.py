"""Which process works on a run, and whether it still lives."""

import os
import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_DEAD_STATES = "ZX"  # a zombie answers to its number and will never do anything again
_STATE, _START_TIME = 0, 19  # fields 3 and 22 of /proc/PID/stat, counted after the name: proc(5)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process. Its number alone may be given to another one later; its start time tells them
    apart, and `place` says where that number means anything: one boot of one machine, and there
    one namespace of process numbers (a container has its own).
    """

    place: str
    pid: int
    started: str | None  # clock ticks after boot; None where the system does not tell

    @classmethod
    def this_process(cls) -> "Owner":
        """The process that asks."""
        pid = os.getpid()
        stat = _stat(pid)
        return cls(_this_place(), pid, stat[_START_TIME] if stat else None)

    @property
    def id(self) -> str:
        """One word for all three, the store's key."""
        return f"{self.place}/{self.pid}/{self.started or ''}"

    def is_gone(self) -> bool | None:
        """Whether the process has ended; None where that cannot be seen from here."""
        if self.place != _this_place() or self.started is None:
            return None
        stat = _stat(self.pid)
        return stat is None or stat[_STATE] in _DEAD_STATES or stat[_START_TIME] != self.started


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()  # the name before it may hold spaces and brackets


@cache
def _this_place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()
