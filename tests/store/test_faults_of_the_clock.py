"""The clock of the machine is put back between events: no time is negative, and the order stays."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mtl_core.cli.entry import run as run_command
from mtl_core.engine.comparison_progress import progress_of
from mtl_core.engine.run_writer import RunWriter
from mtl_core.settings import Settings
from mtl_core.store import comparisons, queue, runs
from mtl_core.store.owner import Owner
from mtl_core.store.record import PlannedRun, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunFailed, RunStopped, Step
from mtl_core.training.spec import RunSpec
from tests.store.conftest import step
from tests.stored_runs import claim


class AnHourBack(datetime):
    """The clock after it was put back."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) - timedelta(hours=1)


@pytest.fixture
def put_back(monkeypatch: pytest.MonkeyPatch) -> Any:
    def put() -> None:
        for module in (runs, queue, comparisons):
            monkeypatch.setattr(module, "datetime", AnHourBack)

    return put


def test_a_run_that_ends_before_it_started_took_no_time_and_keeps_its_order(
    put_back: Any, spec: RunSpec, steps: list[Step], capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(RunStore(Settings.from_environment().database)) as store:
        first = store.add(spec, RunState.RUNNING)
        store.append(first.id, steps[:2])
        put_back()
        store.append(first.id, [*steps[2:], RunStopped(elapsed_seconds=9.0, reason="enough")])
        second = store.add(spec)
        ended = store.run(first.id)
        assert (ended.started_at or ended.created_at) > (ended.finished_at or ended.created_at)
        assert ended.seconds == 0.0
        assert [event.step for _, event in store.events(first.id, kinds={"step"})] == [  # type: ignore[union-attr]
            *range(1, 6)
        ]
        assert [run.id for run in store.runs()] == [second.id, first.id]
        assert store.mark_interrupted() == []
    assert run_command(["runs", "list", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [run["run"] for run in listed] == [second.id, first.id]


def test_the_progress_of_a_comparison_is_never_negative(
    store: RunStore, put_back: Any, spec: RunSpec
) -> None:
    compared = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only",), seeds=(0, 1))
    record = store.add_comparison(compared, [PlannedRun(spec), PlannedRun(spec)])
    claim(store, Owner.this_process())
    put_back()
    progress = progress_of(store, store.comparison(record.id), AnHourBack.now(UTC), 1)
    assert 0 <= progress.share_done <= 1
    assert progress.running == 1


def test_a_failure_is_never_earlier_than_the_latest_event(store: RunStore, spec: RunSpec) -> None:
    writer = RunWriter(store, store.add(spec, RunState.RUNNING))
    writer.add(step(10).model_copy(update={"elapsed_seconds": 600.0}))  # a run that was resumed
    assert writer.buffer(RunFailed(elapsed_seconds=5.0, reason="killed")).elapsed_seconds == 600.0
    writer.flush()
    times = [event.elapsed_seconds for _, event in store.events(writer.run.id)]
    assert times == [600.0, 600.0]
