"""Comparisons in the store: one row, its runs, and what happens to both together."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtl_core.errors import BadInput, UnknownComparison
from mtl_core.store.owner import Owner
from mtl_core.store.record import (
    ComparisonRecord,
    PlannedRun,
    RunRecord,
    RunRole,
    RunState,
)
from mtl_core.store.runs import RunStore
from mtl_core.store.shipping import ShippedComparison
from mtl_core.training.comparison import ComparisonSpec, plain_arms
from mtl_core.training.events import RunFailed, RunFinished, RunStarted
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Stage, Starting
from tests.stored_runs import claim

ASKED = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only", "top-1"), seeds=(1, 2))
ELSEWHERE = Owner("another machine", 1, None)


def finished(run: str) -> RunFinished:
    return RunFinished(
        elapsed_seconds=2.0,
        run=run,
        metrics={},
        frozen_identical=True,
        frozen_tensors=3,
        peak_memory_bytes=1,
        training_seconds=1.0,
        evaluation_seconds=1.0,
        total_seconds=2.0,
        output="runs/one",
    )


def started(run: str, spec: RunSpec) -> RunStarted:
    totals = {"all": 1, "trainable": 1, "frozen": 0, "unreached": 0}
    return RunStarted.model_validate(
        {"elapsed_seconds": 0, "run": run, "spec": spec, "totals": totals, "total_steps": 1}
    )


def planned(spec: RunSpec, **how: object) -> list[PlannedRun]:
    return [
        PlannedRun(spec.model_copy(update={"scenario": scenario, "seed": seed}), **how)  # type: ignore[arg-type]
        for seed in ASKED.seeds
        for scenario in ASKED.arm_names
    ]


@pytest.fixture
def comparison(store: RunStore, spec: RunSpec) -> ComparisonRecord:
    return store.add_comparison(ASKED, planned(spec))


def finish(store: RunStore, run: str) -> None:
    spec = store.run(run).spec
    store.append(run, [started(run, spec), finished(run)])


def test_a_comparison_and_its_runs_are_written_at_once(
    store: RunStore, comparison: ComparisonRecord
) -> None:
    assert store.comparisons() == [comparison]
    assert store.comparison(comparison.id) == comparison
    assert (comparison.spec, comparison.trial_runs, comparison.ended) == (ASKED, (), False)
    assert [(run.spec.scenario, run.spec.seed) for run in comparison.runs] == [
        ("heads-only", 1),
        ("top-1", 1),
        ("heads-only", 2),
        ("top-1", 2),
    ]
    assert {(run.comparison, run.role, run.state) for run in comparison.runs} == {
        (comparison.id, RunRole.RUN, RunState.WAITING)
    }


def test_a_comparison_is_called_by_what_is_in_it(store: RunStore, spec: RunSpec) -> None:
    many = ASKED.model_copy(update={"arms": plain_arms(f"top-{n}" for n in range(1, 6))})
    assert store.add_comparison(ASKED, []).name == "heads only, top layer · minilm-l6 · 2 seeds"
    assert (
        store.add_comparison(many, []).name
        == "top layer, top 2 layers, top 3 layers and 2 more · minilm-l6 · 2 seeds"
    )
    named = store.add_comparison(ASKED, planned(spec), name=" my  thesis ")
    assert named.name == "my thesis"
    assert (
        store.rename_comparison(named.id, "").name == "heads only, top layer · minilm-l6 · 2 seeds"
    )


def test_a_run_knows_its_comparison(
    store: RunStore, spec: RunSpec, comparison: ComparisonRecord
) -> None:
    alone = store.add(spec)
    assert store.run(comparison.runs[2].id).comparison == comparison.id
    assert store.run(alone.id).comparison is None


def test_an_unknown_comparison_is_refused_with_the_nearest(
    store: RunStore, comparison: ComparisonRecord
) -> None:
    with pytest.raises(UnknownComparison, match=f"Nearest: {comparison.id}"):
        store.comparison(comparison.id[:-1])


def test_no_comparison_at_all_says_what_makes_one(store: RunStore) -> None:
    with pytest.raises(
        UnknownComparison, match="There are no comparisons yet: `compare` creates one"
    ):
        store.comparison("x")


def test_stopping_ends_what_waits_and_asks_what_runs(
    store: RunStore, comparison: ComparisonRecord
) -> None:
    running = claim(store, Owner.this_process())
    assert running is not None
    stopped = store.stop_comparison(comparison.id)
    assert [run.state for run in stopped.runs] == [RunState.RUNNING, *[RunState.STOPPED] * 3]
    assert store.stop_requested(running.id)


def test_requeued_runs_take_the_place_of_those_that_did_not_finish(
    store: RunStore, comparison: ComparisonRecord
) -> None:
    first, second, third, fourth = (run.id for run in comparison.runs)
    finish(store, first)
    store.append(second, [RunFailed(elapsed_seconds=1.0, reason="memory")])
    store.request_stop(third)
    new = store.requeue([first, second, third, fourth])
    assert [run.spec for run in new] == [comparison.runs[1].spec, comparison.runs[2].spec]
    after = store.comparison(comparison.id)
    assert [run.id for run in after.runs] == [first, new[0].id, new[1].id, fourth]
    replaced = store.run(second)
    assert (replaced.role, replaced.state, replaced.reason) == (
        RunRole.REPLACED,
        RunState.FAILED,
        "memory",
    )
    assert store.requeue([second]) == []


def test_a_run_by_itself_goes_before_the_waiting_runs_of_a_comparison(
    store: RunStore, spec: RunSpec, comparison: ComparisonRecord
) -> None:
    running = claim(store, Owner.this_process())
    alone = store.add(spec).id
    first, second, *_ = (run.id for run in comparison.runs)
    assert running is not None
    assert running.id == first
    assert [run.id for run in store.active()][:3] == [first, alone, second]
    assert (store.position(alone), store.position(second)) == (1, 2)
    claimed = claim(store, Owner.this_process())
    assert claimed is not None
    assert claimed.id == alone


def test_held_runs_do_not_begin_before_they_are_settled(store: RunStore, spec: RunSpec) -> None:
    made = store.add_comparison(ASKED, planned(spec, held=True))
    assert claim(store, Owner.this_process()) is None
    chosen = made.runs[1].spec.model_copy(update={"epochs": 7.0})
    store.settle({made.runs[1].id: chosen}, held=False)
    claimed = claim(store, Owner.this_process())
    assert claimed is not None
    assert (claimed.id, claimed.spec) == (made.runs[1].id, chosen)
    assert claim(store, Owner.this_process()) is None


def test_a_run_that_is_the_same_to_the_bit_becomes_the_result(
    store: RunStore, spec: RunSpec
) -> None:
    tried = PlannedRun(planned(spec)[0].spec, RunRole.SWEEP, 1.0)
    made = store.add_comparison(ASKED, [tried, *planned(spec, held=True)])
    (scout,) = made.trial_runs
    finish(store, scout.id)
    store.settle({}, held=False, instead={made.runs[0].id: scout.id})
    after = store.comparison(made.id)
    assert [run.id for run in after.runs] == [scout.id, *(run.id for run in made.runs[1:])]
    assert after.trial_runs == ()


def test_reserved_runs_wait_for_one_process_alone(store: RunStore, spec: RunSpec) -> None:
    me = Owner.this_process()
    mine = store.add_comparison(ASKED, planned(spec), owner=me)
    anybodys = store.add(spec)
    other = claim(store, ELSEWHERE)
    assert other is not None
    assert other.id == anybodys.id
    assert claim(store, ELSEWHERE) is None
    claimed = claim(store, me, reserved=True)
    assert claimed is not None
    assert claimed.id == mine.runs[0].id


def test_what_is_reserved_for_this_process_alone_leaves_other_runs(
    store: RunStore, spec: RunSpec
) -> None:
    store.add(spec)
    assert claim(store, Owner.this_process(), reserved=True) is None


def test_runs_reserved_for_a_process_that_is_gone_are_interrupted(
    store: RunStore, spec: RunSpec
) -> None:
    place = Owner.this_process().place
    gone = Owner(place, 2**22 + 1, "1")
    made = store.add_comparison(ASKED, planned(spec), owner=gone)
    assert store.mark_interrupted() == [run.id for run in made.runs]
    run = store.run(made.runs[0].id)
    assert (run.state, run.reason) == (
        RunState.INTERRUPTED,
        "The process for which it was reserved ended before it began.",
    )


def test_a_deleted_comparison_takes_its_runs_with_it_and_brings_them_back(
    store: RunStore, comparison: ComparisonRecord
) -> None:
    store.hide(comparison.runs[3].id)
    store.hide_comparison(comparison.id)
    assert (store.comparisons(), store.runs()) == ([], [])
    hidden = store.deleted_comparison(comparison.id)
    assert hidden is not None
    assert [run.id for run in hidden.runs] == [run.id for run in comparison.runs[:3]]
    store.bring_back_comparison(comparison.id)
    back = store.comparison(comparison.id)
    assert back.runs == comparison.runs[:3]
    assert store.deleted_comparison(comparison.id) is None


def test_a_comparison_deleted_long_enough_ago_is_forgotten(
    store: RunStore, comparison: ComparisonRecord
) -> None:
    store.hide_comparison(comparison.id)
    assert len(store.forget_hidden(before=datetime.now(UTC))) == 4
    with pytest.raises(UnknownComparison):
        store.bring_back_comparison(comparison.id)


def test_a_comparison_that_runs_cannot_be_deleted(
    store: RunStore, comparison: ComparisonRecord
) -> None:
    claim(store, Owner.this_process())
    with pytest.raises(BadInput, match="is running: stop it first"):
        store.hide_comparison(comparison.id)
    with pytest.raises(BadInput, match="is running: stop it first"):
        store.delete_comparison(comparison.id)
    assert store.comparison(comparison.id).deleted_at is None


def test_deleting_at_once_forgets_all_of_it(store: RunStore, comparison: ComparisonRecord) -> None:
    ids = [run.id for run in comparison.runs]
    assert store.delete_comparison(comparison.id) == ids
    assert (store.comparisons(), store.runs()) == ([], [])


def test_the_newest_event_of_a_kind_is_found(store: RunStore, comparison: ComparisonRecord) -> None:
    run = comparison.runs[0].id
    assert store.latest(run, "run_finished") is None
    finish(store, run)
    assert store.latest(run, "run_finished") == finished(run)


@pytest.fixture
def other_store(tmp_path: Path) -> Iterator[RunStore]:
    opened = RunStore(tmp_path / "other.sqlite")
    yield opened
    opened.close()


def test_a_shipped_comparison_is_taken_in_once_and_kept_out_of_the_ordinary_lists(
    store: RunStore, comparison: ComparisonRecord, other_store: RunStore
) -> None:
    ids = [run.id for run in comparison.runs]
    for run in ids:
        finish(store, run)
    text = store.comparison_to_ship(comparison.id).model_dump_json()
    value = ShippedComparison.model_validate_json(text)
    assert other_store.import_comparison(value) == ids
    assert other_store.import_comparison(value) == []
    assert (other_store.comparisons(), other_store.runs()) == ([], [])
    assert [run.id for run in other_store.runs(shipped=None)] == ids[::-1]
    (there,) = other_store.comparisons(shipped=True)
    assert (there.id, there.name, there.spec) == (comparison.id, comparison.name, ASKED)
    assert {(run.state, run.shipped, run.keeps_model) for run in there.runs} == {
        (RunState.FINISHED, True, False)
    }
    assert [(run.id, run.spec) for run in there.runs] == [
        (run.id, run.spec) for run in comparison.runs
    ]


def test_an_included_run_has_its_events_without_its_stages_and_the_path_of_its_model(
    store: RunStore, comparison: ComparisonRecord, other_store: RunStore
) -> None:
    first = claim(store, ELSEWHERE)
    assert first is not None
    store.add_stage(first.id, Starting(stage=Stage.DATA))
    assert store.stages(comparison.runs[0].id)
    for each in comparison.runs:
        finish(store, each.id)
    other_store.import_comparison(store.comparison_to_ship(comparison.id))
    run = comparison.runs[0].id
    before, after = ([event for _, event in each.events(run)] for each in (store, other_store))
    assert after == [before[0], finished(run).model_copy(update={"output": None})]


def test_a_shipped_comparison_cannot_be_deleted_and_is_imported_once(
    store: RunStore, comparison: ComparisonRecord, other_store: RunStore
) -> None:
    for run in comparison.runs:
        finish(store, run.id)
    value = store.comparison_to_ship(comparison.id)
    other_store.import_comparison(value)
    for delete in (other_store.delete_comparison, other_store.hide_comparison):
        with pytest.raises(BadInput, match="is included with Freeze Lab and cannot be deleted"):
            delete(comparison.id)
    assert other_store.import_comparison(value) == []
    assert len(other_store.runs(shipped=None)) == len(comparison.runs)


def test_only_what_is_finished_is_shipped(store: RunStore, comparison: ComparisonRecord) -> None:
    with pytest.raises(BadInput, match="is waiting: only finished runs can be exported"):
        store.comparison_to_ship(comparison.id)


def test_a_run_that_is_not_whole_is_not_taken_in(
    store: RunStore, comparison: ComparisonRecord, other_store: RunStore
) -> None:
    for each in comparison.runs:
        finish(store, each.id)
    value = store.comparison_to_ship(comparison.id)
    *whole, last = value.runs
    part = last.model_copy(update={"stored_events": last.stored_events[::-1]})
    with pytest.raises(BadInput, match="its first event is 'run_finished'"):
        other_store.import_comparison(value.model_copy(update={"runs": (*whole, part)}))
    assert other_store.runs(shipped=None) == []
    assert other_store.comparisons(shipped=None) == []


def test_a_job_of_several_runs_is_claimed_at_once(
    store: RunStore, spec: RunSpec, comparison: ComparisonRecord
) -> None:
    store.add_comparison(ASKED, planned(spec))
    first, *others = (run.id for run in comparison.runs)
    candidates: list[str] = []

    def take_the_last(head: RunRecord, beside: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
        candidates.extend(each.id for each in (head, *beside))
        return head, beside[-1]

    claimed = store.claim_job(Owner.this_process(), group=take_the_last)
    assert candidates == [first, *others]
    assert [run.id for run in claimed] == [first, others[-1]]
    assert {run.state for run in claimed} == {RunState.RUNNING}
    assert [run.state for run in store.comparison(comparison.id).runs] == [
        RunState.RUNNING,
        RunState.WAITING,
        RunState.WAITING,
        RunState.RUNNING,
    ]


def test_no_run_is_claimed_without_room_for_the_next_one(
    store: RunStore, comparison: ComparisonRecord
) -> None:
    first, second, *_ = (run.id for run in comparison.runs)
    assert store.claim_job(Owner.this_process(), has_room=lambda run: run.id == second) == ()
    (claimed,) = store.claim_job(Owner.this_process(), has_room=lambda run: run.id == first)
    assert claimed.id == first
