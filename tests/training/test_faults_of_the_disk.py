"""A disk that is full or read-only in the middle of a run costs a state or a cache, not the run."""

from pathlib import Path

import pytest
import torch

from mtl_core.training.events import Step
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.run import fine_tune
from mtl_core.training.saved_state import saved_events
from tests.event_facts import facts
from tests.full_disk import full_disk
from tests.training.conftest import Bench, written


def all_facts(events):
    return [facts(event, "prefix") for event in events]


def steps(events):
    return [event.step for event in events if isinstance(event, Step)]


def test_a_run_whose_state_finds_no_space_continues_and_keeps_the_last_one_that_did(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec, state = bench.spec("full", epochs=3.0, measure=False), tmp_path / "state"
    whole = bench.run(spec, tmp_path / "whole")
    events = fine_tune(spec, "a run", state=state, state_seconds=0.0)
    for event in events:
        if isinstance(event, Step) and event.step == 3:
            break  # the state of step 2 is saved by now
    with full_disk((state / "events.jsonl").stat().st_size + 10):
        for event in events:
            if isinstance(event, Step) and event.step == 5:
                break
    events.close()
    assert "could not be saved: The disk is full" in caplog.text
    assert steps(saved_events(state)) == [1, 2]
    again = list(fine_tune(spec, "a run", tmp_path / "again", state=state))
    assert all_facts([*whole[:6], *again]) == all_facts(whole)
    ones, others = written(tmp_path / "whole"), written(tmp_path / "again")
    assert all(torch.equal(ones[name], others[name]) for name in ones)


def test_a_run_whose_state_has_no_folder_continues(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "states").write_text("a file where the folder should be")
    spec = bench.spec("full", measure=False)
    events = list(fine_tune(spec, "a run", state=tmp_path / "states" / "a", state_seconds=0.0))
    assert all_facts(events) == all_facts(bench.run(spec))
    assert "The state of a run could not be saved" in caplog.text


def test_outputs_of_frozen_layers_that_find_no_space_cost_only_time(
    bench: Bench, tmp_path: Path
) -> None:
    spec = bench.spec("top-1", measure=False)
    full, forbidden = tmp_path / "full", tmp_path / "forbidden"
    forbidden.write_text("a file where the folder should be")
    without = all_facts(bench.run(spec))
    assert all_facts(fine_tune(spec, "a run", prefixes=PrefixStore(forbidden, 10**9))) == without
    with full_disk(100):
        assert all_facts(fine_tune(spec, "a run", prefixes=PrefixStore(full, 10**9))) == without
    assert list(full.iterdir()) == []
