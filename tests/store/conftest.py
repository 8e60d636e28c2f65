"""A store in an empty folder, and small real values to put into it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mtl_core.freezing.plan import Phase, Plan
from mtl_core.store.runs import RunStore
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.events import Step
from mtl_core.training.spec import RunSpec
from tests.postgresql import PostgresServer, postgresql_server


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    with postgresql_server() as running:
        RunStore(running.url("template1")).close()  # each new database is a copy of it
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """Where an empty store is, in each kind of database."""
    if request.param == "sqlite":
        yield tmp_path / "home" / "runs.sqlite"
        return
    server: PostgresServer = request.getfixturevalue("server")
    server.execute("CREATE DATABASE runs")
    yield server.url("runs")
    server.execute("DROP DATABASE runs WITH (FORCE)")


@pytest.fixture
def store(place: Path | str) -> Iterator[RunStore]:
    opened = RunStore(place)
    yield opened
    opened.close()


@pytest.fixture
def spec() -> RunSpec:
    heads = Plan(name="heads only", phases=(Phase(name="heads", train=("heads",)),))
    return RunSpec(
        checkpoint="minilm-l6", scenario="heads-only", plan=heads, tasks=DEFAULT_TASKS, seed=7
    )


def step(number: int) -> Step:
    return Step(
        elapsed_seconds=number / 10,
        phase="heads",
        step=number,
        epoch=number / 25,
        loss={"sentiment": 1 / (number + 2), "ner": None},
        learning_rates={"heads": 1e-3},
    )


@pytest.fixture
def steps() -> list[Step]:
    return [step(number) for number in range(1, 6)]
