"""Runs, their events and their queue."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtl_core.errors import BadInput, UnknownRun
from mtl_core.freezing.plan import Plan
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunState, new_id
from mtl_core.store.runs import RunStore
from mtl_core.training.events import (
    Counts,
    Evaluation,
    RunEvent,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    SentenceScore,
    Step,
)
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Stage, Starting
from tests.stored_runs import claim

HERE = Owner.this_process()


def finished(run: str) -> RunFinished:
    return RunFinished(
        elapsed_seconds=2.0,
        run=run,
        metrics={"sentiment": SentenceScore(loss=0.5, accuracy=0.75, macro_f1=0.7)},
        frozen_identical=True,
        frozen_tensors=101,
        peak_memory_bytes=1,
        training_seconds=1.0,
        evaluation_seconds=0.5,
        total_seconds=2.0,
    )


def test_a_new_run_waits_with_its_whole_spec(store: RunStore, spec: RunSpec) -> None:
    before = datetime.now(UTC)
    added = store.add(spec)
    assert added == store.run(added.id)
    assert (added.state, added.name, added.spec) == (RunState.WAITING, "heads-only", spec)
    assert before <= added.created_at <= datetime.now(UTC)
    assert (added.started_at, added.finished_at, added.last_event) == (None, None, 0)


def test_stages_are_stored_in_order_and_progress_within_one_replaces_it(
    store: RunStore, spec: RunSpec, steps: list[Step]
) -> None:
    run = store.add(spec, RunState.RUNNING).id
    store.add_stage(run, Starting(stage=Stage.IMPORTS, elapsed_seconds=0.5))
    for done, seconds in ((0, 3.0), (16, 4.0), (32, 5.0)):
        computing = Starting(stage=Stage.FROZEN_OUTPUTS, done=done, total=32)
        store.add_stage(run, computing.model_copy(update={"elapsed_seconds": seconds}))
    store.append(run, steps[:2])
    store.add_stage(run, Starting(stage=Stage.STEP), pending=3)
    assert [(each.stage, each.done, each.elapsed_seconds) for each in store.stages(run)] == [
        (Stage.IMPORTS, None, 0.5),
        (Stage.FROZEN_OUTPUTS, 32, 3.0),
        (Stage.STEP, None, 0.0),
    ]
    assert [each.after for each in store.stages(run)] == [0, 0, 5]


def test_stages_are_no_events_of_the_run(store: RunStore, spec: RunSpec, steps: list[Step]) -> None:
    run = store.add(spec, RunState.RUNNING).id
    store.add_stage(run, Starting(stage=Stage.DATA))
    store.append(run, [*steps, finished(run)])
    store.add_stage(run, Starting(stage=Stage.STEP))  # too late: the run has ended
    assert [each.stage for each in store.stages(run)] == [Stage.DATA]
    assert store.run(run).last_event == 6
    assert [number for number, _ in store.events(run)] == [1, 2, 3, 4, 5, 6]


def test_a_run_of_ones_own_plan_goes_by_the_plans_name(store: RunStore, spec: RunSpec) -> None:
    added = store.add(spec.model_copy(update={"scenario": None}))
    assert added.name == "heads only"
    assert re.fullmatch(r"\d{6}-\d{4}-heads-only-[0-9a-f]{4}", added.id)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("freeze-head:ner", "freeze-head-ner"),
        ("Größe & Maß / ../etc", "gr-e-ma-etc"),
        ("冻结", "run"),
        ("protect, specialize, prevent forgetting", "protect-specialize-preve"),
    ],
)
def test_an_id_fits_a_url_and_a_file_name(name: str, words: str) -> None:
    noon = datetime(2026, 11, 24, 6, 55, tzinfo=UTC)
    assert re.fullmatch(rf"261124-0655-{words}-[0-9a-f]{{4}}", new_id(name, noon))


def test_an_id_is_never_given_twice(store: RunStore, spec: RunSpec) -> None:
    """Enough runs within one minute that the four random digits alone would repeat."""
    kept = {store.add(spec).id for _ in range(200)}
    deleted = {store.add(spec).id for _ in range(200)}
    for run in deleted:
        store.delete(run)
    again = {store.add(spec).id for _ in range(200)}
    assert len(kept | deleted | again) == 600


def test_events_come_back_as_they_went_numbered_from_one(
    store: RunStore, spec: RunSpec, steps: list[Step]
) -> None:
    run = store.add(spec, RunState.RUNNING).id
    assert store.append(run, steps[:2])
    assert store.append(run, steps[2:])
    assert store.events(run) == list(enumerate(steps, start=1))
    assert store.events(run, after=3) == [(4, steps[3]), (5, steps[4])]
    assert store.events(run, after=5) == []
    assert store.run(run).last_event == 5


def test_each_run_has_its_own_numbers(store: RunStore, spec: RunSpec, steps: list[Step]) -> None:
    first, second = (store.add(spec, RunState.RUNNING).id for _ in range(2))
    store.append(first, steps)
    store.append(second, steps[:1])
    assert store.events(second) == [(1, steps[0])]


def test_events_can_be_narrowed_to_some_kinds(
    store: RunStore, spec: RunSpec, steps: list[Step]
) -> None:
    run = store.add(spec, RunState.RUNNING).id
    score = SentenceScore(loss=None, accuracy=0.5, macro_f1=0.4)
    measured = Evaluation(
        elapsed_seconds=9.0,
        phase="heads",
        epoch=1.0,
        step=5,
        split="validation",
        tasks={"sentiment": score},
    )
    store.append(run, [*steps, measured])
    assert store.events(run, kinds={"evaluation"}) == [(6, measured)]


@pytest.mark.parametrize(
    ("last_word", "state", "reason"),
    [
        (finished("r"), RunState.FINISHED, None),
        (RunFailed(elapsed_seconds=1.0, reason="no weights"), RunState.FAILED, "no weights"),
        (RunStopped(elapsed_seconds=1.0, reason="enough"), RunState.STOPPED, "enough"),
    ],
    ids=["finished", "failed", "stopped"],
)
def test_a_last_word_ends_the_run(
    store: RunStore, spec: RunSpec, last_word: RunEvent, state: RunState, reason: str | None
) -> None:
    run = store.add(spec, RunState.RUNNING).id
    store.append(run, [last_word])
    ended = store.run(run)
    assert (ended.state, ended.reason) == (state, reason)
    assert ended.started_at is not None
    assert ended.finished_at is not None
    assert ended.started_at <= ended.finished_at


def test_nothing_is_kept_after_a_last_word(
    store: RunStore, spec: RunSpec, steps: list[Step]
) -> None:
    run = store.add(spec, RunState.RUNNING).id
    stopped = RunStopped(elapsed_seconds=1.0, reason="enough")
    assert store.append(run, [steps[0], stopped, steps[1]])
    assert not store.append(run, [steps[2]])
    assert store.events(run) == [(1, steps[0]), (2, stopped)]


def test_the_spec_is_completed_by_the_runs_first_event(store: RunStore, spec: RunSpec) -> None:
    run = store.add(spec, RunState.RUNNING).id
    complete = spec.model_copy(update={"weights_digest": "53aa", "versions": {"torch": "2.13"}})
    totals = Counts(all=10, trainable=1, frozen=9, unreached=0)
    began = RunStarted(elapsed_seconds=0.1, run=run, spec=complete, totals=totals, total_steps=5)
    store.append(run, [began])
    assert store.run(run).spec == complete


def test_appending_to_a_deleted_run_keeps_nothing(
    store: RunStore, spec: RunSpec, steps: list[Step]
) -> None:
    run = store.add(spec).id
    store.delete(run)
    assert not store.append(run, steps)
    with pytest.raises(UnknownRun, match=f"There is no run '{run}'"):
        store.events(run)


def test_an_unknown_run_names_the_nearest(store: RunStore, spec: RunSpec) -> None:
    with pytest.raises(UnknownRun, match="There are no runs yet"):
        store.run("x")
    run = store.add(spec).id
    with pytest.raises(UnknownRun, match=f"Nearest: {run}"):
        store.run(run[:-1])
    with pytest.raises(UnknownRun, match=f"The newest: {run}"):
        store.events("zzz")


def test_runs_are_listed_newest_first(store: RunStore, spec: RunSpec) -> None:
    ids = [store.add(spec).id for _ in range(4)]
    assert [run.id for run in store.runs()] == ids[::-1]
    assert [run.id for run in store.runs(limit=2)] == ids[:1:-1]


def test_active_runs_are_those_that_run_and_wait(store: RunStore, spec: RunSpec) -> None:
    running, stopped, waiting = (store.add(spec).id for _ in range(3))
    assert claim(store, HERE).id == running  # type: ignore[union-attr]
    store.request_stop(stopped)
    assert [run.id for run in store.active()] == [running, waiting]


def test_the_queue_is_first_come_first_served(store: RunStore, spec: RunSpec) -> None:
    first, second = store.add(spec).id, store.add(spec).id
    assert (store.position(first), store.position(second)) == (1, 2)
    claimed = claim(store, HERE)
    assert claimed is not None
    assert (claimed.id, claimed.state) == (first, RunState.RUNNING)
    assert (store.position(first), store.position(second)) == (None, 1)
    assert claim(store, HERE).id == second  # type: ignore[union-attr]
    assert claim(store, HERE) is None


def test_a_waiting_run_stops_at_once(store: RunStore, spec: RunSpec) -> None:
    run = store.add(spec).id
    assert store.request_stop(run).state is RunState.STOPPED
    assert claim(store, HERE) is None
    [(number, last_word)] = store.events(run)
    assert (number, last_word.event) == (1, "run_stopped")


def test_a_running_run_only_gets_a_stop_request(store: RunStore, spec: RunSpec) -> None:
    run = store.add(spec, RunState.RUNNING).id
    assert not store.stop_requested(run)
    asked = store.request_stop(run)
    assert (asked.state, asked.stop_requested) == (RunState.RUNNING, True)
    assert store.stop_requested(run)


def test_stopping_an_ended_run_changes_nothing(store: RunStore, spec: RunSpec) -> None:
    run = store.add(spec, RunState.RUNNING).id
    store.append(run, [finished(run)])
    ended = store.run(run)
    assert store.request_stop(run) == ended


def test_a_running_run_cannot_be_deleted(store: RunStore, spec: RunSpec, steps: list[Step]) -> None:
    run = store.add(spec, RunState.RUNNING).id
    store.append(run, steps)
    with pytest.raises(BadInput, match=f"Run '{run}' is running: stop it first"):
        store.delete(run)
    assert len(store.events(run)) == 5


def test_a_new_run_never_sees_events_of_a_deleted_one(
    store: RunStore, spec: RunSpec, steps: list[Step]
) -> None:
    old = store.add(spec, RunState.RUNNING).id
    store.append(old, [*steps, finished(old)])
    store.delete(old)
    assert store.events(store.add(spec).id) == []


def test_a_plan_with_odd_words_is_only_data(store: RunStore, spec: RunSpec) -> None:
    plan = Plan(name="'; DROP TABLE runs; --", phases=spec.plan.phases)
    added = store.add(spec.model_copy(update={"plan": plan, "scenario": None}))
    assert store.run(added.id).name == "'; DROP TABLE runs; --"


def test_a_store_opened_again_has_the_same_runs(
    tmp_path: Path, spec: RunSpec, steps: list[Step]
) -> None:
    path = tmp_path / "runs.sqlite"
    first = RunStore(path)
    run = first.add(spec, RunState.RUNNING).id
    first.append(run, steps)
    first.close()
    second = RunStore(path)
    assert second.events(run) == list(enumerate(steps, start=1))
    second.close()


def test_events_of_several_runs_are_added_at_once_where_they_are_accepted(
    store: RunStore, spec: RunSpec, steps: list[Step]
) -> None:
    first, ended, deleted, last = (store.add(spec, RunState.RUNNING).id for _ in range(4))
    store.append(ended, [finished(ended)])
    store.append(deleted, [finished(deleted)])
    store.hide(deleted)
    events = {first: steps[:2], ended: steps, deleted: steps, last: [finished(last)]}
    assert store.append_all(events) == {first, last}
    assert [event for _, event in store.events(first)] == steps[:2]
    assert store.run(last).state is RunState.FINISHED
    assert store.run(ended).last_event == 1


def test_a_released_run_is_again_at_its_place_in_the_queue(store: RunStore, spec: RunSpec) -> None:
    first, second = store.add(spec).id, store.add(spec).id
    assert claim(store, HERE) is not None
    store.release([first])
    assert (store.run(first).state, store.run(first).started_at) == (RunState.WAITING, None)
    assert [run.id for run in store.active()] == [first, second]
    store.claim_job(HERE)
    store.release([first], reserved_for=HERE)
    elsewhere = claim(store, Owner("another machine", 1, None))
    assert elsewhere is not None
    assert elsewhere.id == second


def test_a_released_run_whose_stop_was_requested_ends(store: RunStore, spec: RunSpec) -> None:
    run = store.add(spec).id
    claim(store, HERE)
    store.request_stop(run)
    store.release([run])
    assert store.run(run).state is RunState.STOPPED


def test_only_its_owner_can_read_the_file_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "home" / "runs.sqlite"
    RunStore(path).close()
    assert [oct(each.stat().st_mode & 0o777) for each in (path, path.parent)] == ["0o600", "0o700"]
