"""Estimates of durations, and of the start of a waiting run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mtl_core.analysis.durations import (
    DurationSource,
    RunAhead,
    estimate_duration,
    estimated_seconds,
    expected_wait,
    runs_ahead,
    with_sweep_runs,
)
from mtl_core.store.record import RunRecord, RunState
from mtl_core.training.spec import RunSpec
from tests.run_story import spec_of

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

TWO_BY_TWO = [
    spec_of(scenario, seed=seed, epochs=3.0)
    for seed in (1, 2)
    for scenario in ("heads-only", "full")
]


def record(spec: RunSpec, state: RunState, seconds: float | None = None) -> RunRecord:
    """A run that started `seconds` before noon; a finished one ended at noon."""
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


def test_the_estimate_is_the_duration_of_the_latest_comparable_run() -> None:
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
def test_a_run_with_other_settings_is_not_comparable(changes: dict[str, object]) -> None:
    past = [finished(spec_of("top-1", **changes), 40)]
    assert estimated_seconds(spec_of("top-1"), past) is None


def test_runs_of_other_plans_and_unfinished_runs_are_not_comparable() -> None:
    past = [finished(spec_of("full"), 300), record(spec_of("top-1"), RunState.STOPPED, 5)]
    past += [record(spec_of("top-1"), RunState.RUNNING, 7)]
    assert estimated_seconds(spec_of("top-1"), past) is None


def test_the_wait_is_the_sum_of_the_remaining_time_and_the_estimates() -> None:
    running = record(spec_of("full"), RunState.RUNNING, 60)
    waiting = record(spec_of("top-1"), RunState.WAITING)
    ahead = runs_ahead(
        [running, waiting], {running.id: 120.0}, [finished(spec_of("top-1"), 40)], NOON
    )
    assert [each.seconds for each in ahead] == [120.0, 40.0]
    assert expected_wait(ahead) == 160.0


def test_a_running_run_without_an_estimate_has_the_whole_minus_the_elapsed_time() -> None:
    running = record(spec_of("top-1"), RunState.RUNNING, 15)
    past = [finished(spec_of("top-1"), 40)]
    (ahead,) = runs_ahead([running], {running.id: None}, past, NOON)
    assert ahead.seconds == 25.0
    (late,) = runs_ahead([running], {}, past, NOON + timedelta(minutes=5))
    assert late.seconds == 0.0


def test_one_unknown_run_makes_the_wait_unknown() -> None:
    waiting = record(spec_of("full"), RunState.WAITING)
    assert runs_ahead([waiting], {}, [], NOON) == (RunAhead(waiting, None),)
    assert expected_wait([RunAhead(waiting, 3.0), RunAhead(waiting, None)]) is None


def test_running_runs_of_one_job_occupy_one_place() -> None:
    together = [record(spec_of("heads-only"), RunState.RUNNING, 15) for _ in range(3)]
    ahead = [RunAhead(run, seconds) for run, seconds in zip(together, (4.0, 6.0, 5.0), strict=True)]
    assert expected_wait(ahead) == 6.0
    assert expected_wait(ahead, at_once=2) == 0.0


def test_with_nothing_ahead_there_is_no_wait() -> None:
    assert expected_wait([]) == 0


def test_without_past_runs_the_estimate_is_that_of_two_cores() -> None:
    estimate = estimate_duration(TWO_BY_TWO, [])
    assert (estimate.seconds, estimate.source) == (2 * 6 + 2 * 35, DurationSource.TWO_CORES)


def test_runs_of_this_machine_count_before_included_ones() -> None:
    included = replace(finished(spec_of("top-1"), 90), shipped=True)
    own, spec = finished(spec_of("top-1"), 40), [spec_of("top-1", seed=9)]
    found = [estimate_duration(spec, past) for past in ([included], [included, own])]
    assert [(each.seconds, each.source) for each in found] == [
        (90, DurationSource.INCLUDED),
        (40, DurationSource.THIS_MACHINE),
    ]


def test_a_run_that_no_other_is_like_is_estimated_from_its_costs() -> None:
    own = [spec_of("full", data="own/manifest.yaml")]
    assert estimate_duration(own, []).seconds is None
    computed = estimate_duration([*TWO_BY_TWO, *own], [], computed=lambda _: 90.0)
    assert (computed.seconds, computed.source) == (82 + 90, DurationSource.COMPUTED)


def test_an_equal_training_time_gives_all_plans_the_same_duration() -> None:
    assert estimate_duration(TWO_BY_TWO, [], seconds_each=20.0).seconds == 4 * 24.0


def test_a_sweep_adds_a_run_of_the_first_seed_for_each_factor_but_one() -> None:
    tried = with_sweep_runs(TWO_BY_TWO, (0.3, 1.0, 3.0))
    assert [spec.seed for spec in tried] == [1, 1, 2, 2, 1, 1, 1, 1]
    assert estimate_duration(tried, []).seconds == 82 + 2 * 41


def test_a_sweep_of_one_factor_or_none_adds_no_runs() -> None:
    assert with_sweep_runs(TWO_BY_TWO, (3.0,)) == with_sweep_runs(TWO_BY_TWO, ()) == TWO_BY_TWO


def test_runs_at_the_same_time_shorten_a_comparison_but_not_each_run() -> None:
    one_thread_each = estimate_duration(TWO_BY_TWO, [], at_once=2)
    assert one_thread_each.seconds == 2 * (6 + 6 + 35)
    assert estimate_duration(TWO_BY_TWO, [], seconds_each=20.0, at_once=3).seconds == 2 * 24.0
