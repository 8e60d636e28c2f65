"""The executor of a Ray cluster: the contract, on a real cluster of this machine."""

from collections.abc import Iterator

import pytest

from mtl_core.engine.executor.cluster import ClusterExecutor
from mtl_core.engine.executor.interface import Executor
from tests.engine.executor_suite import ExecutorSuite
from tests.ray_cluster import RayCluster, ray_driver_argv


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with RayCluster(cores=(2,)) as started:
        yield started


class TestRayExecutor(ExecutorSuite):
    """The contract."""

    @pytest.fixture
    def executor(
        self, cluster: RayCluster, trainer_argv: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Executor]:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        made = ClusterExecutor(ray_driver_argv(trainer_argv), parallel_runs=4)
        yield made
        made.close()
