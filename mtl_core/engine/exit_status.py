"""Describes how a process ended, from its exit status and its error output."""

import signal
from collections.abc import Sequence

from mtl_core.errors import MEMORY_REMEDY, mentions_memory

_MEANINGS = {
    "SIGKILL": f"Most often the system ran out of memory: {MEMORY_REMEDY}",
    "SIGSEGV": "A library crashed; neither the plan nor the data is the cause. If memory was "
    f"short, {MEMORY_REMEDY}",
    "SIGABRT": "A library aborted; neither the plan nor the data is the cause.",
    "SIGBUS": "Memory or disk space ran out for a memory-mapped file.",
    "SIGTERM": "A user or program on this machine terminated it.",
}


def describe_exit(status: int | None, error_lines: Sequence[bytes]) -> str:
    """Describe the end of a process: its signal or exit status, the usual cause, and the last line
    of its error output. A negative `status` is a signal; None is a process that has not ended."""
    texts = [line_text(line) for line in reversed(error_lines)]
    last_line = next(filter(None, texts), None)
    output = f" Last line of its error output: {last_line}" if last_line else ""
    return f"{_describe_status(status, any(map(mentions_memory, texts)))}{output}"


def line_text(line: bytes) -> str:
    """The text of a line of output; without the earlier states of a progress bar."""
    return line.decode(errors="replace").rstrip().rpartition("\r")[2]


def _describe_status(status: int | None, no_memory: bool) -> str:
    if status is None:
        return "The process closed its output but did not exit."
    memory = f"Memory ran out: {MEMORY_REMEDY}" if status and no_memory else ""
    if status >= 0:
        return f"The process ended with exit status {status}. {memory}".rstrip()
    name = _signal_name(-status)
    return f"The process was ended by {name}. {memory or _MEANINGS.get(name, '')}".rstrip()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
