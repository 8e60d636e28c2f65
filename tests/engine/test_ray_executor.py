"""The executor of a Ray cluster: the contract, on a real cluster of this machine."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mtl_core.engine.capacity import Capacity, Demand
from mtl_core.engine.executor.choice import executor_for
from mtl_core.engine.executor.interface import Executor
from mtl_core.engine.protocol import Train
from mtl_core.file_access import NO_FILE
from mtl_core.settings import ExecutorKind, Settings
from mtl_core.training.events import RunFailed
from mtl_core.training.spec import RunSpec
from tests.engine.conftest import CHILDREN, Wait
from tests.engine.executor_suite import (
    COMPLETE,
    ExecutorSuite,
    Jobs,
    begun,
    ended,
    kinds_of,
    received,
)
from tests.ray_cluster import RayCluster


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executor]:
    """One driver for all tests: connecting takes seconds. The jobs of a test end with the test."""
    home = tmp_path_factory.mktemp("ray") / "home"
    with RayCluster(cores=(2,)) as cluster, pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        settings = Settings(home=home, threads=1, parallel_runs=4, executor=ExecutorKind.RAY)
        made = executor_for(settings, [sys.executable, str(CHILDREN / "trainer.py")])
        made.prepare()
        yield made
        made.close()


class TestRayExecutor(ExecutorSuite):
    """The contract, and what only this executor does."""

    @pytest.fixture
    def executor(self, connected: Executor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Executor]:
        submitted: set[str] = set()
        submit = connected.submit

        def record(job, *demand):  # type: ignore[no-untyped-def]
            submitted.update(each.run for each in job)
            submit(job, *demand)

        monkeypatch.setattr(connected, "submit", record)
        yield connected
        for run in submitted:
            connected.end(run)

    def test_it_reports_what_the_cluster_has(self, executor: Executor, wait_until: Wait) -> None:
        def known() -> Capacity | None:
            executor.receive(0.1)
            return executor.capacity()

        wait_until(lambda: known() is not None)
        found = known()
        assert found is not None
        assert (found.runs, found.cores, found.accelerators) == (4, 2, 0)
        assert found.memory_bytes is not None
        assert found.memory_bytes > 10**8

    def test_a_job_waits_until_a_machine_has_its_cores(self, executor: Executor, job: Jobs) -> None:
        executor.submit(job("patient"), Demand(threads=2))
        executor.submit(job("quick"), Demand(threads=2))
        assert set(received(executor, begun("patient"))) == {"patient"}
        executor.stop("patient")
        events = received(executor, ended("patient", "quick"))
        assert kinds_of(events)["quick"] == COMPLETE

    def test_a_job_that_no_machine_can_execute_fails_with_the_reason(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.submit(job("quick"), Demand(threads=3))
        failure = received(executor, ended("quick"))["quick"][-1]
        assert isinstance(failure, RunFailed)
        assert failure.reason == (
            "A run with 3 threads needs a machine with as many cores; the largest of the Ray "
            "cluster has 2 cores. Set FREEZE_LAB_THREADS to fewer, or choose another device."
        )

    def test_a_run_on_a_gpu_fails_on_a_cluster_without_one(
        self, executor: Executor, job: Jobs
    ) -> None:
        executor.submit(job("quick"), Demand(threads=1, accelerated=True))
        failure = received(executor, ended("quick"))["quick"][-1]
        assert isinstance(failure, RunFailed)
        assert "needs a machine with as many cores and a GPU" in failure.reason


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("127.0.0.1:1", "Connection refused."),
        ("ray://127.0.0.1:10001", "HOST:PORT is needed, such as 10.0.0.1:6379."),
        ("auto", "HOST:PORT is needed, such as 10.0.0.1:6379."),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_reported_by_the_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spec_of: Callable[[str], RunSpec],
    address: str,
    cause: str,
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    settings = Settings(home=tmp_path / "home", threads=1, executor=ExecutorKind.RAY)
    executor = executor_for(settings, [])
    executor.submit((Train(run="quick", spec=spec_of("quick"), access=NO_FILE),))
    failure = received(executor, ended("quick"))["quick"][-1]
    executor.close()
    assert isinstance(failure, RunFailed)
    assert failure.reason == (
        f"The Ray cluster at RAY_ADDRESS={address} cannot be reached: {cause} Check that "
        "`ray status` works on this machine."
    )
