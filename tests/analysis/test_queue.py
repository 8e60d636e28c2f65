"""When a waiting run will begin."""

from datetime import UTC, datetime, timedelta

import pytest

from mtl_core.analysis.queue import Ahead, estimated_seconds, expected_wait, runs_ahead
from mtl_core.store.record import RunRecord, RunState
from mtl_core.training.spec import RunSpec
from tests.run_story import spec_of

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def record(spec: RunSpec, state: RunState, seconds: float | None = None) -> RunRecord:
    """A run that began `seconds` before noon, and ended at noon if it is finished."""
    began = None if seconds is None else NOON - timedelta(seconds=seconds)
    return RunRecord(
        id=f"{spec.scenario}-{state}-{seconds}",
        name=str(spec.scenario),
        state=state,
        spec=spec,
        created_at=NOON - timedelta(hours=1),
        started_at=began,
        finished_at=NOON if state.is_final else None,
        reason=None,
        last_event=0,
        stop_requested=False,
    )


def finished(spec: RunSpec, seconds: float) -> RunRecord:
    return record(spec, RunState.FINISHED, seconds)


def test_a_run_takes_what_the_latest_one_alike_took() -> None:
    past = [finished(spec_of("full"), 300), finished(spec_of("top-1"), 40)]
    past += [finished(spec_of("top-1"), 90)]
    assert estimated_seconds(spec_of("top-1", seed=9), past) == 40


def test_twice_the_epochs_take_twice_as_long() -> None:
    assert estimated_seconds(spec_of("top-1", epochs=4.0), [finished(spec_of("top-1"), 40)]) == 160


@pytest.mark.parametrize(
    "changes",
    [{"data": "other.yaml"}, {"batch_size": 8}, {"max_length": 64}, {"examples": {"ner": 50}}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_run_of_other_work_says_nothing(changes: dict[str, object]) -> None:
    past = [finished(spec_of("top-1", **changes), 40)]
    assert estimated_seconds(spec_of("top-1"), past) is None


def test_a_run_of_another_plan_or_that_broke_off_says_nothing() -> None:
    past = [finished(spec_of("full"), 300), record(spec_of("top-1"), RunState.STOPPED, 5)]
    past += [record(spec_of("top-1"), RunState.RUNNING, 7)]
    assert estimated_seconds(spec_of("top-1"), past) is None


def test_the_wait_is_what_the_running_one_has_left_and_the_estimates_of_the_others() -> None:
    running = record(spec_of("full"), RunState.RUNNING, 60)
    waiting = record(spec_of("top-1"), RunState.WAITING)
    ahead = runs_ahead(
        [running, waiting], {running.id: 120.0}, [finished(spec_of("top-1"), 40)], NOON
    )
    assert [each.seconds for each in ahead] == [120.0, 40.0]
    assert expected_wait(ahead) == 160.0


def test_a_running_one_that_does_not_say_yet_is_estimated_less_what_it_ran() -> None:
    running = record(spec_of("top-1"), RunState.RUNNING, 15)
    past = [finished(spec_of("top-1"), 40)]
    (ahead,) = runs_ahead([running], {running.id: None}, past, NOON)
    assert ahead.seconds == 25.0
    (late,) = runs_ahead([running], {}, past, NOON + timedelta(minutes=5))
    assert late.seconds == 0.0


def test_one_unknown_run_makes_the_wait_unknown() -> None:
    waiting = record(spec_of("full"), RunState.WAITING)
    assert runs_ahead([waiting], {}, [], NOON) == (Ahead(waiting, None),)
    assert expected_wait([Ahead(waiting, 3.0), Ahead(waiting, None)]) is None


def test_with_nothing_ahead_there_is_no_wait() -> None:
    assert expected_wait([]) == 0
