"""Whose run starts next: visitors take turns, and so do single runs and comparisons."""

from collections.abc import Iterator

from mtl_core.store.owner import Owner
from mtl_core.store.record import PlannedRun, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunStopped
from mtl_core.training.spec import RunSpec
from tests.stored_runs import claim

ANN, BEN = "a" * 32, "b" * 32
ENDED = RunStopped(elapsed_seconds=1.0, reason="enough")


def starts(store: RunStore, at_once: int = 1) -> Iterator[str | None]:
    """Yield whose run starts, until the queue is empty; at most `at_once` run at a time."""
    running: list[str] = []
    while (run := claim(store, Owner.this_process())) is not None:
        running.append(run.id)
        yield run.visitor
        if len(running) == at_once:
            store.append(running.pop(0), [ENDED])


def compare(store: RunStore, spec: RunSpec, visitor: str | None, runs: int) -> None:
    compared = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only",), seeds=(0,))
    store.add_comparison(compared, [PlannedRun(spec)] * runs, visitor=visitor)


def test_a_visitor_with_many_runs_lets_another_one_start_in_between(
    store: RunStore, spec: RunSpec
) -> None:
    for visitor in (ANN, ANN, ANN, ANN, BEN, BEN):
        store.add(spec, visitor=visitor)
    assert list(starts(store)) == [ANN, BEN, ANN, BEN, ANN, ANN]


def test_two_runs_at_once_are_those_of_two_visitors(store: RunStore, spec: RunSpec) -> None:
    for visitor in (ANN, ANN, ANN, BEN, BEN):
        store.add(spec, visitor=visitor)
    assert list(starts(store, at_once=2)) == [ANN, BEN, ANN, BEN, ANN]


def test_who_had_a_run_lately_waits_for_who_had_none(store: RunStore, spec: RunSpec) -> None:
    store.add(spec, visitor=ANN)
    assert list(starts(store)) == [ANN]
    store.add(spec, visitor=ANN)
    store.add(spec, visitor=BEN)
    assert list(starts(store)) == [BEN, ANN]


def test_single_runs_and_a_comparison_of_one_visitor_take_turns(
    store: RunStore, spec: RunSpec
) -> None:
    compare(store, spec, ANN, runs=3)
    for _ in range(3):
        store.add(spec, visitor=ANN)
    kinds = []
    while (run := claim(store, Owner.this_process())) is not None:
        kinds.append("single" if run.comparison is None else "compared")
        store.append(run.id, [ENDED])
    assert kinds == ["single", "compared"] * 3


def test_the_places_in_the_queue_are_the_order_in_which_runs_start(
    store: RunStore, spec: RunSpec
) -> None:
    compare(store, spec, ANN, runs=2)
    for visitor in (ANN, ANN, BEN, None, BEN):
        store.add(spec, visitor=visitor)
    listed = [run.id for run in store.active()]
    assert [store.position(run) for run in listed] == [1, 2, 3, 4, 5, 6, 7]
    first = claim(store, Owner.this_process())
    assert first is not None
    assert first.id == listed[0]


def test_no_run_starts_while_the_queue_is_paused(store: RunStore, spec: RunSpec) -> None:
    run = store.add(spec).id
    store.pause(True)
    assert store.is_paused()
    assert claim(store, Owner.this_process()) is None
    store.pause(False)
    claimed = claim(store, Owner.this_process())
    assert claimed is not None
    assert claimed.id == run


def test_a_reserved_run_of_the_command_line_starts_in_a_paused_queue(
    store: RunStore, spec: RunSpec
) -> None:
    owner = Owner.this_process()
    compared = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only",), seeds=(0,))
    store.add_comparison(compared, [PlannedRun(spec)], owner=owner)
    store.pause(True)
    assert claim(store, owner, reserved=True) is not None


def test_clearing_the_queue_stops_what_waits_and_nothing_else(
    store: RunStore, spec: RunSpec
) -> None:
    running, waiting = store.add(spec, RunState.RUNNING).id, store.add(spec, visitor=ANN).id
    assert store.clear_queue() == [waiting]
    assert store.run(waiting).state is RunState.STOPPED
    assert store.run(running).state is RunState.RUNNING


def test_waiting_runs_hide_none_that_has_ended(store: RunStore, spec: RunSpec) -> None:
    done = store.add(spec, RunState.RUNNING).id
    store.append(done, [ENDED])
    compare(store, spec, ANN, runs=250)
    assert [run.id for run in store.runs(states=(RunState.STOPPED,))] == [done]


def test_a_list_of_runs_continues_after_its_last_one(store: RunStore, spec: RunSpec) -> None:
    ids = [store.add(spec).id for _ in range(5)]
    first = store.runs(limit=2)
    assert [run.id for run in first] == [ids[4], ids[3]]
    assert [run.id for run in store.runs(limit=9, before=first[-1].id)] == ids[2::-1]
