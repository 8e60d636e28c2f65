"""A job in a shared folder, without a batch system."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mtl_core.engine.capacity import ONE_THREAD
from mtl_core.engine.child import child_environment
from mtl_core.engine.executor import folder_job
from mtl_core.engine.executor.folder_driver import FolderDriver
from mtl_core.engine.executor.folder_job import FolderJob, folder_job_argv
from mtl_core.engine.protocol import EventMessage, Lost, Submit, Train
from mtl_core.file_access import NO_FILE
from mtl_core.training.spec import RunSpec
from tests.engine.conftest import Wait

SpecOf = Callable[[str], RunSpec]


@pytest.fixture
def job(tmp_path: Path, trainer_argv: list[str], spec_of: SpecOf) -> FolderJob:
    made = FolderJob(tmp_path / "jobs" / "patient-1")
    run = Train(run="patient", spec=spec_of("patient"), access=NO_FILE)
    made.write((run,), tmp_path, trainer_argv)
    return made


def started(job: FolderJob) -> subprocess.Popen[str]:
    return subprocess.Popen(
        folder_job_argv(job.folder),
        env=child_environment(),
        stderr=subprocess.PIPE,
        text=True,
    )


def steps(job: FolderJob) -> int:
    return sum(isinstance(message, EventMessage) for message in job.messages())


def deleted(folder: Path) -> bool:
    """Whether the folder could be deleted before the process wrote another file into it."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_a_process_whose_folder_is_deleted_ends(job: FolderJob, wait_until: Wait) -> None:
    process = started(job)
    wait_until(lambda: steps(job) > 0)
    wait_until(lambda: deleted(job.folder))
    process.communicate(timeout=30)
    assert process.returncode == 1


def test_a_job_that_is_started_a_second_time_does_nothing(job: FolderJob) -> None:
    (job.folder / "began").touch()
    process = started(job)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "FileExistsError" in errors
    assert list(job.messages()) == []


def test_a_job_is_silent_five_minutes_after_its_last_line(
    job: FolderJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(folder_job, "monotonic", lambda: now)
    assert not job.is_silent()  # it waits for a machine
    (job.folder / "messages.jsonl").write_bytes(b"\n\n")
    assert list(job.messages()) == []
    now += 299
    assert not job.is_silent()
    now += 2
    assert job.is_silent()


def test_a_job_that_a_killed_driver_has_left_is_ended_before_the_next_attempt(
    job: FolderJob, tmp_path: Path, spec_of: SpecOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FREEZE_LAB_COMMAND", "true {command}")
    sent: list[object] = []
    driver = FolderDriver(sent.append, "command", tmp_path, [])
    train = Train(run="patient", spec=spec_of("patient"), access=NO_FILE)
    driver.handle(Submit(runs=(train,), demand=ONE_THREAD))
    assert not job.folder.exists()
    while not sent:
        driver.receive()
    assert sent == [Lost(runs=("patient",), reason="The command ended with exit status 0.")]
    assert list(tmp_path.joinpath("jobs").iterdir()) == []
