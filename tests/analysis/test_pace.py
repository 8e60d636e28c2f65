from datetime import UTC, datetime

import pytest

from mtl_core.analysis.pace import pace_of
from mtl_core.store.record import RunRecord, RunState
from tests.run_story import finished_heads_only, spec_of

RECORD = RunRecord(
    id="a-run",
    name="heads-only",
    state=RunState.FINISHED,
    spec=spec_of("heads-only"),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    started_at=None,
    finished_at=None,
    reason=None,
    last_event=0,
    stop_requested=False,
)


def test_a_pace_is_the_training_time_over_the_steps() -> None:
    pace = pace_of(RECORD, finished_heads_only())
    assert pace is not None
    assert pace.seconds_per_step == pytest.approx(38.0 / 10)
    assert pace.spec == RECORD.spec


def test_an_unfinished_run_has_no_pace() -> None:
    assert pace_of(RECORD, list(finished_heads_only())[:-1]) is None


def test_a_run_without_steps_has_no_pace() -> None:
    last = list(finished_heads_only())[-1]
    assert pace_of(RECORD, [last]) is None
