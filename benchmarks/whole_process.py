"""Runs one command and measures its process, from its start to its end."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

_UNIT = 1 if sys.platform == "darwin" else 1024  # of the peak that the system reports


@dataclass(frozen=True)
class ProcessCost:
    """What one process took, as the operating system reports it when the process ends.

    `processor_seconds` is user time plus system time, over all threads. `peak_memory_bytes` is the
    highest resident memory of the process.
    """

    seconds: float
    processor_seconds: float
    peak_memory_bytes: int


def run_measured(
    command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> ProcessCost:
    """Run `command` in `folder`; output goes to a file, as with a redirect in a shell.

    Exits with the end of the output if the command fails.
    """
    with tempfile.TemporaryFile() as output:
        began = perf_counter()
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, env=dict(environment), stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(
                f"{' '.join(command)} failed:\n{output.read()[-2000:].decode(errors='replace')}"
            )
    return ProcessCost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _UNIT)
