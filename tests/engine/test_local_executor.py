"""The executor of this machine: the contract, and its pool of trainer processes."""

from collections.abc import Iterator

import pytest

from mtl_core.engine.executor.interface import Executor
from mtl_core.engine.executor.local import LocalExecutor
from mtl_core.training.events import RunFailed
from tests.engine.executor_suite import (
    ExecutorSuite,
    Jobs,
    begun,
    ended,
    process_of,
    received,
)


class TestLocalExecutor(ExecutorSuite):
    """The contract, and what only this executor does."""

    @pytest.fixture
    def executor(self, trainer_argv: list[str]) -> Iterator[Executor]:
        made = LocalExecutor(trainer_argv)
        yield made
        made.close()

    def test_a_trainer_is_reused_for_the_next_job(self, executor: Executor, job: Jobs) -> None:
        executor.submit(job("quick-1"))
        first = received(executor, ended("quick-1"))
        executor.submit(job("quick-2"))
        second = received(executor, ended("quick-2"))
        assert process_of(first["quick-1"]) == process_of(second["quick-2"])
        assert executor.pids == (process_of(first["quick-1"]),)

    def test_a_trainer_is_ended_after_a_failure(self, executor: Executor, job: Jobs) -> None:
        executor.submit(job("refused"))
        received(executor, ended("refused"))
        assert executor.pids == ()

    def test_prepare_starts_one_trainer_that_executes_the_next_job(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.prepare()
        executor.prepare()
        (warm,) = executor.pids
        executor.submit(job("patient"))
        assert process_of(received(executor, begun("patient"))["patient"]) == warm

    def test_a_trainer_that_cannot_be_started_fails_the_run(self, job: Jobs) -> None:
        executor = LocalExecutor(["/nowhere/python"])
        executor.submit(job("quick"))
        (failure,) = received(executor, ended("quick"))["quick"]
        assert isinstance(failure, RunFailed)
        assert "No such file or directory: '/nowhere/python'" in failure.reason
