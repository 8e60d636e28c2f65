"""Each job of a trainer has a process of its own."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from mtl_core.engine.executor.local import LocalExecutor
from mtl_core.engine.job_process import COPIES
from mtl_core.engine.protocol import Train
from mtl_core.file_access import NO_FILE
from mtl_core.training.events import RunFinished
from mtl_core.training.spec import RunSpec
from tests.engine.executor_suite import ended, received

MEGABYTE = 1_000_000

WITHOUT_COMPUTING = """
import threading
import torch

def refuse(*_args, **_kwargs):
    raise SystemExit("the GPU was looked up")

torch.cuda.is_available = torch.cuda.device_count = torch.cuda.init = refuse
from mtl_core.training.imports import import_training_packages
import_training_packages()
print(torch.cuda.is_initialized(), threading.active_count())
"""


@pytest.fixture
def peak_bytes_of(
    trainer_argv: list[str], spec_of: Callable[[str], RunSpec]
) -> Iterator[Callable[[str], int]]:
    """Execute a run in the same trainer as the runs before it; its peak memory."""
    executor = LocalExecutor(trainer_argv)

    def peak_bytes(behaviour: str) -> int:
        executor.submit((Train(run="run", spec=spec_of(behaviour), access=NO_FILE),))
        finished = received(executor, ended("run"))["run"][-1]
        assert isinstance(finished, RunFinished)
        return finished.peak_memory_bytes

    yield peak_bytes
    executor.close()


@pytest.mark.skipif(not COPIES, reason="a trainer executes one job only")
def test_the_peak_memory_of_a_run_does_not_depend_on_the_run_before(
    peak_bytes_of: Callable[[str], int],
) -> None:
    first, hungry, last = (peak_bytes_of(each) for each in ("quick", "hungry", "quick"))
    assert hungry > first + 90 * MEGABYTE
    assert abs(last - first) < 10 * MEGABYTE


def test_imports_start_no_thread_and_leave_the_gpu_to_the_copies() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_COMPUTING], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["False", "1"], done.stderr
