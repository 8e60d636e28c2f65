"""The executors of batch systems: the contract, with submitit's processes and with a command."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtl_core.engine.executor import launchers
from mtl_core.engine.executor.choice import executor_for
from mtl_core.engine.executor.interface import Executor
from mtl_core.engine.protocol import Lost
from mtl_core.settings import ExecutorKind, Settings
from mtl_core.training.events import RunFailed
from tests.engine.executor_suite import (
    PATIENCE_SECONDS,
    ExecutorSuite,
    Jobs,
    begun,
    ended,
    received,
)


class TestCommandExecutor(ExecutorSuite):
    """The contract, with `env` as the command that starts another one."""

    @pytest.fixture
    def executor(
        self, trainer_argv: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Executor]:
        monkeypatch.setenv("FREEZE_LAB_COMMAND", "env THREADS={threads} {command}")
        made = executor_for(settings(tmp_path, ExecutorKind.COMMAND), trainer_argv)
        yield made
        made.close()

    @pytest.mark.parametrize(
        ("template", "message"),
        [
            ("", "it must have {command}"),
            ("srun --gpus={cards} {command}", "The placeholders are {command}, {threads}"),
            ("no-such-program {command}", "No such file or directory"),
        ],
    )
    def test_a_command_that_cannot_be_executed_is_reported_by_the_run(
        self,
        executor: Executor,
        job: Jobs,
        monkeypatch: pytest.MonkeyPatch,
        template: str,
        message: str,
    ) -> None:
        monkeypatch.setenv("FREEZE_LAB_COMMAND", template)
        executor.submit(job("quick"))
        failure = received(executor, ended("quick"))["quick"][-1]
        assert isinstance(failure, RunFailed)
        assert failure.reason.startswith(f"FREEZE_LAB_COMMAND={template}")
        assert message in failure.reason

    def test_a_command_that_ends_before_its_runs_has_lost_them(
        self, executor: Executor, job: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pid = tmp_path / "pid"
        template = f"sh -c 'echo $$ > {pid}; exec {{command}}'"
        monkeypatch.setenv("FREEZE_LAB_COMMAND", template)
        executor.submit(job("patient-1", "patient-2"))
        received(executor, begun("patient-1", "patient-2"))
        os.kill(int(pid.read_text()), signal.SIGKILL)
        message = None
        while not isinstance(message, Lost):
            message = executor.receive(PATIENCE_SECONDS)
            assert message is not None
        assert message.runs == ("patient-1", "patient-2")
        assert message.reason == "The command ended with exit status -9."


class TestSubmititExecutor(ExecutorSuite):
    """The contract, with the processes that submitit starts where there is no Slurm."""

    @pytest.fixture
    def executor(self, trainer_argv: list[str], tmp_path: Path) -> Iterator[Executor]:
        made = executor_for(settings(tmp_path, ExecutorKind.SUBMITIT), trainer_argv)
        yield made
        made.close()


def settings(tmp_path: Path, kind: ExecutorKind) -> Settings:
    return Settings(home=tmp_path / "home", threads=1, parallel_runs=4, executor=kind)


def test_a_job_whose_state_the_batch_system_cannot_report_now_is_not_lost() -> None:
    class UnreachableJob:
        """A job while the command of the batch system that reports its state fails."""

        job_id, state, reachable = "17", "FAILED", False

        def done(self) -> bool:
            if not self.reachable:
                raise subprocess.CalledProcessError(1, ["sacct"])
            return True

    job = UnreachableJob()
    launched = launchers._LaunchedJob(job)
    assert launched.ended() is None
    job.reachable = True
    assert launched.ended() == "Job 17 of the batch system ended: FAILED."
