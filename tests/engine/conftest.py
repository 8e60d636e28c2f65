"""Child processes with the real protocol that do little work."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from mtl_core.freezing.plan import Phase, Plan
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.spec import RunSpec

CHILDREN = Path(__file__).with_name("children")
Wait = Callable[..., None]


@pytest.fixture
def trainer_argv() -> list[str]:
    return [sys.executable, str(CHILDREN / "trainer.py")]


@pytest.fixture
def inspector_argv() -> list[str]:
    return [sys.executable, str(CHILDREN / "inspector.py")]


@pytest.fixture
def server_argv() -> list[str]:
    return [sys.executable, str(CHILDREN / "server.py")]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", threads=1)


@pytest.fixture
def store(settings: Settings) -> Iterator[RunStore]:
    opened = RunStore(settings.database)
    yield opened
    opened.close()


@pytest.fixture
def spec_of() -> Callable[[str], RunSpec]:
    """The spec of a run that behaves as the name says (children/trainer.py)."""

    def make(behaviour: str) -> RunSpec:
        plan = Plan(name=behaviour, phases=(Phase(name="heads", train=("heads",)),))
        return RunSpec(checkpoint="minilm-l6", plan=plan, tasks=DEFAULT_TASKS)

    return make


@pytest.fixture
def wait_until() -> Wait:
    """Wait for a condition; fail if it is still false in the end."""

    def wait(condition: Callable[[], bool], seconds: float = 30.0) -> None:
        deadline = monotonic() + seconds
        while not condition():
            if monotonic() > deadline:
                pytest.fail(f"the condition was still false after {seconds:g} seconds")
            sleep(0.01)

    return wait


@pytest.fixture
def is_gone() -> Callable[[int], bool]:
    """Whether a process has ended; a zombie counts as ended."""

    def gone(pid: int) -> bool:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return True
        return stat.rpartition(")")[2].split()[0] in "ZX"

    return gone
