"""How many other jobs ran at the same time as a run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mtl_core.store.owner import Owner
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.spec import RunSpec
from tests.store.statements import execute

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
Ran = Callable[..., str]


@pytest.fixture
def ran(store: RunStore, spec: RunSpec, place: Path | str) -> Ran:
    """Add a run that started and ended so many minutes after noon; None: it is running."""

    def add(started: int, ended: int | None, owner: str = "one process") -> str:
        run = store.add(spec, RunState.RUNNING, Owner(owner, 1, None)).id
        execute(
            place,
            "UPDATE runs SET started_at = :started, finished_at = :ended, state = :state "
            "WHERE id = :run",
            run=run,
            started=_stored(started),
            ended=None if ended is None else _stored(ended),
            state="running" if ended is None else "finished",
        )
        return run

    return add


def _stored(minutes: int) -> str:
    return (NOON + timedelta(minutes=minutes)).isoformat(timespec="microseconds")


def test_a_run_alone_has_no_other_beside_it(store: RunStore, ran: Ran) -> None:
    ran(0, 10)
    assert store.trained_beside(ran(10, None)) == 0


def test_the_most_at_one_moment_count_and_not_all_that_overlap(store: RunStore, ran: Ran) -> None:
    run = ran(10, None)
    for started, ended in ((0, 12), (14, 20), (15, 22), (30, None)):
        ran(started, ended)
    assert store.trained_beside(run) == 2


def test_runs_of_one_job_are_one_and_the_own_job_is_none(store: RunStore, ran: Ran) -> None:
    run = ran(10, None)
    ran(10, None)
    for ended in (None, 14, 13):
        ran(12, ended)
    assert store.trained_beside(run) == 1
    ran(12, None, "another process")
    assert store.trained_beside(run) == 2
