"""The executor that the settings name."""

from collections.abc import Sequence

from mtl_core.engine.child import module_argv
from mtl_core.engine.executor.cluster import ClusterExecutor
from mtl_core.engine.executor.interface import Executor
from mtl_core.engine.executor.local import LocalExecutor
from mtl_core.settings import ExecutorKind, Settings

_RAY, _FOLDERS = (f"mtl_core.engine.executor.{name}" for name in ("ray_driver", "folder_driver"))
_DRIVERS = {
    ExecutorKind.RAY: module_argv(_RAY),
    ExecutorKind.SUBMITIT: [*module_argv(_FOLDERS), "submitit"],
    ExecutorKind.COMMAND: [*module_argv(_FOLDERS), "command"],
}
"""The command of the driver of each cluster."""


def executor_for(settings: Settings, trainer_argv: Sequence[str]) -> Executor:
    """Create the executor of `settings.executor`; `trainer_argv` is the command of a trainer."""
    driver = _DRIVERS.get(settings.executor)
    if driver is None:
        return LocalExecutor(trainer_argv)
    argv = (*driver, str(settings.home.resolve()), *trainer_argv)
    return ClusterExecutor(argv, settings.parallel_runs)
