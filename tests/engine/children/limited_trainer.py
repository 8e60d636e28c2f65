"""The real trainer, whose runs get no memory or no space while a file in the home says so.

The argument is the home folder. Each job has a process of its own, so a limit holds for one run.
"""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mtl_core.engine.trainer_child import _fine_tune, _train_together, serve
from mtl_core.training.events import RunEvent, RunStarted
from mtl_core.training.imports import import_training_packages
from mtl_core.training.spec import RunSpec

NO_MEMORY, NO_MEMORY_TO_LOAD, NO_SPACE = "no memory", "no memory to load", "no space"
SPACE_BYTES = 20_000
MORE_BYTES = 1_000_000


def fine_tune(spec: RunSpec, *others: Any) -> Iterator[RunEvent]:
    home = Path(os.environ["FREEZE_LAB_HOME"])
    if (home / NO_SPACE).exists():
        resource.setrlimit(resource.RLIMIT_FSIZE, (SPACE_BYTES, SPACE_BYTES))
    if (home / NO_MEMORY_TO_LOAD).exists():
        limit_memory()
    for event in _fine_tune(spec, *others):
        yield event
        if (home / NO_MEMORY).exists() and isinstance(event, RunStarted):
            limit_memory()


def limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MORE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    os.environ["FREEZE_LAB_HOME"] = sys.argv[1]
    serve(fine_tune, import_training_packages, _train_together)
