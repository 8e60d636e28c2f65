"""The executor of this machine: the contract, and its pool of trainer processes."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence

import pytest

from mtl_core.engine.capacity import Demand
from mtl_core.engine.executor.interface import Executor
from mtl_core.engine.executor.local import LocalExecutor
from mtl_core.engine.protocol import StartingMessage
from mtl_core.training.events import RunEvent, RunFailed, RunStarted, RunStopped
from mtl_core.training.starting import Stage
from tests.engine.executor_suite import (
    COMPLETE,
    PATIENCE_SECONDS,
    ExecutorSuite,
    Jobs,
    Wait,
    begun,
    ended,
    kinds_of,
    process_of,
    received,
)


def trainer_of(events: Sequence[RunEvent]) -> int:
    """The trainer of which the process of a run is a copy."""
    assert isinstance(events[0], RunStarted)
    return int(events[0].notes[2])


def gpus_of(events: Sequence[RunEvent]) -> str:
    """The GPUs that the process of a run may use."""
    assert isinstance(events[0], RunStarted)
    return events[0].notes[3]


def stages_of(executor: Executor, run: str) -> list[Stage]:
    """The stages of a run until the first of its own process."""
    stages: list[Stage] = []
    while stages[-1:] != [Stage.DATA]:
        message = executor.receive(PATIENCE_SECONDS)
        assert isinstance(message, StartingMessage)
        assert message.run == run
        stages.append(message.starting.stage)
    return stages


class TestLocalExecutor(ExecutorSuite):
    """The contract, and what only this executor does."""

    @pytest.fixture
    def executor(self, trainer_argv: list[str]) -> Iterator[Executor]:
        made = LocalExecutor(trainer_argv)
        yield made
        made.close()

    def test_a_trainer_is_reused_and_each_job_has_a_process_of_its_own(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.submit(job("quick-1"))
        first = received(executor, ended("quick-1"))
        executor.submit(job("quick-2"))
        second = received(executor, ended("quick-2"))
        assert executor.pids == (trainer_of(first["quick-1"]),)
        assert trainer_of(second["quick-2"]) == trainer_of(first["quick-1"])
        assert process_of(second["quick-2"]) != process_of(first["quick-1"])

    def test_the_stages_of_a_new_trainer_are_reported_and_not_again_for_its_next_job(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.submit(job("quick-1"))
        assert stages_of(executor, "quick-1") == [Stage.PROCESS, Stage.IMPORTS, Stage.DATA]
        received(executor, ended("quick-1"))
        executor.submit(job("quick-2"))
        assert stages_of(executor, "quick-2") == [Stage.DATA]

    @pytest.mark.parametrize("behaviour", ["refused", "broken", "killed", "crashed"])
    def test_a_trainer_survives_the_failure_of_its_job(
        self, executor: Executor, job: Jobs, behaviour: str
    ) -> None:
        executor.submit(job(behaviour))
        failed = received(executor, ended(behaviour))[behaviour]
        assert isinstance(failed[-1], RunFailed)
        executor.submit(job("quick"))
        events = received(executor, ended("quick"))
        assert kinds_of(events) == {"quick": COMPLETE}
        assert executor.pids == (trainer_of(failed),) == (trainer_of(events["quick"]),)

    def test_a_job_that_follows_at_once_can_be_stopped(self, executor: Executor, job: Jobs) -> None:
        executor.submit(job("quick"))
        received(executor, ended("quick"))
        executor.submit(job("patient"))
        executor.stop("patient")
        events = received(executor, ended("patient"))
        assert isinstance(events["patient"][-1], RunStopped)

    def test_the_process_of_a_job_ends_with_its_trainer(
        self, executor: Executor, job: Jobs, is_gone: Callable[[int], bool], wait_until: Wait
    ) -> None:
        executor.submit(job("deaf"))
        events = received(executor, begun("deaf"))["deaf"]
        os.kill(trainer_of(events), signal.SIGKILL)
        failure = received(executor, ended("deaf"))["deaf"][-1]
        assert isinstance(failure, RunFailed)
        wait_until(lambda: is_gone(process_of(events)))

    def test_each_job_on_a_gpu_has_one_that_no_other_job_uses(
        self, executor: Executor, job: Jobs, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
        on_gpu = Demand(threads=1, accelerated=True)
        executor.submit(job("patient-1"), on_gpu)
        executor.submit(job("patient-2"), on_gpu)
        executor.submit(job("patient-3"))
        runs = ("patient-1", "patient-2", "patient-3")
        events = received(executor, begun(*runs))
        assert [gpus_of(events[run]) for run in runs] == ["3", "5", "3,5"]
        executor.stop("patient-1")
        received(executor, ended("patient-1"))
        executor.submit(job("patient-4"), on_gpu)
        assert gpus_of(received(executor, begun("patient-4"))["patient-4"]) == "3"

    def test_prepare_starts_one_trainer_that_executes_the_next_job(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.prepare()
        executor.prepare()
        (warm,) = executor.pids
        executor.submit(job("patient"))
        assert trainer_of(received(executor, begun("patient"))["patient"]) == warm

    def test_a_trainer_that_cannot_be_started_fails_the_run(self, job: Jobs) -> None:
        executor = LocalExecutor(["/nowhere/python"])
        executor.submit(job("quick"))
        (failure,) = received(executor, ended("quick"))["quick"]
        assert isinstance(failure, RunFailed)
        assert "No such file or directory: '/nowhere/python'" in failure.reason
