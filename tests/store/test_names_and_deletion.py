"""What a user calls a run, and deleting with a way back."""

from datetime import UTC, datetime, timedelta

import pytest

from mtl_core.errors import BadInput, UnknownRun
from mtl_core.store.owner import Owner
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunStopped, Step
from mtl_core.training.spec import RunSpec
from tests.stored_runs import claim

HERE = Owner.this_process()
LAST_WORD = RunStopped(elapsed_seconds=1.0, reason="enough")


@pytest.fixture
def ended(store: RunStore, spec: RunSpec, steps: list[Step]) -> str:
    run = store.add(spec, RunState.RUNNING).id
    store.append(run, [*steps, LAST_WORD])
    return run


def now() -> datetime:
    return datetime.now(UTC)


def test_a_new_run_has_no_title_and_no_tags(store: RunStore, spec: RunSpec) -> None:
    added = store.add(spec)
    assert (added.title, added.tags) == (None, ())


def test_a_title_is_trimmed_and_an_empty_one_takes_it_away(store: RunStore, ended: str) -> None:
    assert store.rename(ended, "  my \n first   run ").title == "my first run"
    assert store.run(ended).title == "my first run"
    assert store.rename(ended, "  ").title is None
    assert store.rename(ended, None).title is None


def test_a_title_has_at_most_80_characters(store: RunStore, ended: str) -> None:
    assert store.rename(ended, "ä" * 80).title == "ä" * 80
    with pytest.raises(BadInput, match="has 81 characters; at most 80 are allowed"):
        store.rename(ended, "ä" * 81)
    assert store.run(ended).title == "ä" * 80


def test_tags_are_trimmed_and_each_is_kept_once(store: RunStore, ended: str) -> None:
    given = [" thesis ", "", "Größe", "THESIS", "two  words"]
    assert store.tag(ended, given).tags == ("thesis", "Größe", "two words")
    assert store.runs()[0].tags == ("thesis", "Größe", "two words")
    assert store.tag(ended, []).tags == ()


def test_a_run_has_at_most_8_tags_of_30_characters(store: RunStore, ended: str) -> None:
    eight = [f"{number}{'x' * 29}" for number in range(8)]
    assert store.tag(ended, eight).tags == tuple(eight)
    with pytest.raises(BadInput, match="9 tags were given; a run has at most 8"):
        store.tag(ended, [*eight, "nine"])
    with pytest.raises(BadInput, match="has 31 characters; at most 30 are allowed"):
        store.tag(ended, ["y" * 31])
    with pytest.raises(BadInput, match="The tag “a, b” contains a comma"):
        store.tag(ended, ["a, b"])
    assert store.run(ended).tags == tuple(eight)


def test_a_title_with_odd_words_is_only_data(store: RunStore, ended: str) -> None:
    odd = "'; DROP TABLE runs; --"
    assert store.rename(ended, odd).title == odd
    assert store.tag(ended, ['"]', "\\"]).tags == ('"]', "\\")


def test_naming_a_run_that_is_not_there_is_refused(store: RunStore) -> None:
    with pytest.raises(UnknownRun, match="There is no run 'nobody'"):
        store.rename("nobody", "x")
    with pytest.raises(UnknownRun, match="There is no run 'nobody'"):
        store.tag("nobody", [])


def test_nothing_lists_or_opens_a_hidden_run(store: RunStore, ended: str) -> None:
    store.hide(ended)
    assert (store.runs(), store.active()) == ([], [])
    refused = f"Run '{ended}' was deleted. The Train page can restore it within 10 minutes"
    for look in (store.run, store.events, store.position, store.hide):
        with pytest.raises(UnknownRun, match=refused):
            look(ended)
    assert store.stop_requested(ended)
    with pytest.raises(UnknownRun, match="There are no runs yet"):
        store.run("another")


def test_a_hidden_run_comes_back_as_it_was(store: RunStore, ended: str, steps: list[Step]) -> None:
    store.rename(ended, "kept")
    before = store.run(ended)
    store.hide(ended)
    gone = store.deleted(ended)
    assert gone is not None
    assert gone.deleted_at is not None
    assert store.bring_back(ended) == before
    assert store.deleted(ended) is None
    assert [event for _, event in store.events(ended)] == [*steps, LAST_WORD]


def test_a_hidden_run_does_not_begin_until_it_is_brought_back(
    store: RunStore, spec: RunSpec
) -> None:
    first, second = store.add(spec).id, store.add(spec).id
    store.hide(first)
    assert store.position(second) == 1
    assert claim(store, HERE).id == second  # type: ignore[union-attr]
    assert claim(store, HERE) is None
    store.bring_back(first)
    assert claim(store, HERE).id == first  # type: ignore[union-attr]


def test_a_running_run_cannot_be_hidden(store: RunStore, spec: RunSpec) -> None:
    run = store.add(spec, RunState.RUNNING).id
    with pytest.raises(BadInput, match=f"Run '{run}' is running: stop it first"):
        store.hide(run)
    assert store.run(run).state is RunState.RUNNING


def test_an_interrupted_run_that_speaks_after_it_was_hidden_is_not_heard(
    store: RunStore, spec: RunSpec, steps: list[Step]
) -> None:
    run = store.add(spec, RunState.RUNNING).id
    store.interrupt(run, "gone")
    store.hide(run)
    assert not store.append(run, steps)
    assert store.bring_back(run).last_event == 0


def test_only_what_was_hidden_long_enough_ago_is_forgotten(
    store: RunStore, spec: RunSpec, ended: str
) -> None:
    kept = store.add(spec).id
    store.hide(ended)
    assert store.forget_hidden(before=now() - timedelta(minutes=10)) == []
    assert store.deleted(ended) is not None
    assert store.forget_hidden(before=now()) == [ended]
    assert store.deleted(ended) is None
    assert [run.id for run in store.runs()] == [kept]
    with pytest.raises(UnknownRun, match=f"There is no run '{ended}'"):
        store.bring_back(ended)


def test_a_hidden_run_can_be_deleted_for_good_at_once(store: RunStore, ended: str) -> None:
    store.hide(ended)
    store.delete(ended)
    assert store.deleted(ended) is None


def test_bringing_back_a_run_that_is_there_changes_nothing(store: RunStore, ended: str) -> None:
    assert store.bring_back(ended) == store.run(ended)
