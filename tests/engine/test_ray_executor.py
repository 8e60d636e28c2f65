"""The executor of a Ray cluster: the contract, on a real cluster of this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mtl_core.engine.executor.choice import executor_for
from mtl_core.engine.executor.interface import Executor
from mtl_core.settings import ExecutorKind, Settings
from tests.engine.executor_suite import ExecutorSuite
from tests.ray_cluster import RayCluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with RayCluster(cores=(2,)) as started:
        yield started


class TestRayExecutor(ExecutorSuite):
    """The contract."""

    @pytest.fixture
    def executor(
        self,
        cluster: RayCluster,
        trainer_argv: list[str],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[Executor]:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        settings = Settings(home=tmp_path / "home", threads=1, executor=ExecutorKind.RAY)
        made = executor_for(settings, trainer_argv)
        yield made
        made.close()
