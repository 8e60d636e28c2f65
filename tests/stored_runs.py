"""Fixtures: a store, and runs stored in it and read back as an export reads them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from mtl_core.report.load import Report, load_report
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunEvent
from tests.export.finished_run import finished, of_three_plans
from tests.run_story import minilm


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    opened = RunStore(tmp_path / "runs.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def keep(store: RunStore) -> Callable[[Iterable[RunEvent]], str]:
    """Stores the events of a run; returns its id."""

    def kept(events: Iterable[RunEvent]) -> str:
        run = list(events)
        record = store.add(run[0].spec, RunState.RUNNING)
        store.append(record.id, run)
        return record.id

    return kept


@pytest.fixture
def read(store: RunStore) -> Callable[..., Report]:
    """Reads runs by id, with the description of the embedded checkpoint."""

    def report(*ids: str) -> Report:
        return load_report(store, ids, lambda _: minilm())

    return report


@pytest.fixture
def pair(keep: Callable[[Iterable[RunEvent]], str]) -> tuple[str, str]:
    """Two finished runs that differ only in the plan."""
    return keep(finished("heads-only", 0.70, 0.30)), keep(finished("top-1", 0.85, 0.50))


@pytest.fixture
def plans(keep: Callable[[Iterable[RunEvent]], str], read: Callable[..., Report]) -> Report:
    """Three plans with three seeds each."""
    return read(*(keep(story) for story in of_three_plans()))


def claim(store: RunStore, owner: Owner, reserved: bool = False) -> RunRecord | None:
    """Assign the next waiting run to `owner`; None if there is none."""
    return next(iter(store.claim_job(owner, reserved)), None)
