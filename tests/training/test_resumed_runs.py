"""A run that is cut off and resumed has the losses, scores and weights of a run that was not."""

from pathlib import Path

import pytest
import torch

from mtl_core.freezing.plan import Plan
from mtl_core.training.events import RunEvent, Step
from mtl_core.training.run import fine_tune
from mtl_core.training.saved_state import saved_events
from mtl_core.training.spec import RunSpec
from tests.event_facts import facts
from tests.training.conftest import Bench, written


def plan_of(bench: Bench, name: str) -> Plan | str:
    """A scenario, or a plan in which layers freeze, thaw again and thaw late."""
    if name != "to and fro":
        return name
    return bench.plan(["heads"], ["heads", "top:1"], ["backbone"], ["heads", "top:1"])


def cut_after(step: int, spec: RunSpec, state: Path) -> list[RunEvent]:
    """The events of a run whose process ends after a step, as its state has them."""
    events = fine_tune(spec, "a run", state=state, state_seconds=0.0)
    for event in events:
        if isinstance(event, Step) and event.step == step + 1:
            break  # the state of the step before is saved by now
    events.close()
    return saved_events(state)


@pytest.mark.parametrize("cut", [3, 7])
@pytest.mark.parametrize(
    "name", ["heads-only", "full", "gradual", "discriminative", "bitfit", "to and fro"]
)
def test_a_resumed_run_is_the_run_to_the_bit(
    bench: Bench, tmp_path: Path, name: str, cut: int
) -> None:
    spec = bench.spec(plan_of(bench, name), epochs=3.0, head_dropout=0.1, measure=name == "full")
    whole = list(fine_tune(spec, "a run", tmp_path / "whole"))
    before = cut_after(cut, spec, tmp_path / "state")
    assert sum(isinstance(event, Step) for event in before) == cut
    after = list(fine_tune(spec, "a run", tmp_path / "resumed", state=tmp_path / "state"))
    assert [facts(event) for event in (*before, *after)] == [facts(event) for event in whole]
    ones, others = written(tmp_path / "whole"), written(tmp_path / "resumed")
    assert ones.keys() == others.keys()
    assert all(torch.equal(ones[tensor], others[tensor]) for tensor in ones)
    assert not (tmp_path / "state").exists()


def test_a_run_that_is_cut_off_twice_continues_after_the_second_time(
    bench: Bench, tmp_path: Path
) -> None:
    spec = bench.spec("full", epochs=2.0, measure=False)
    whole = bench.run(spec)
    for cut in (2, 4):
        before = cut_after(cut, spec, tmp_path / "state")
    after = list(fine_tune(spec, "a run", state=tmp_path / "state"))
    assert [facts(event) for event in (*before, *after)] == [facts(event) for event in whole]


@pytest.mark.parametrize(
    "damage", ["truncated", "one bit", "events lost", "a digit of an event", "other spec"]
)
def test_a_state_that_does_not_fit_is_not_used(bench: Bench, tmp_path: Path, damage: str) -> None:
    spec, state = bench.spec("full", epochs=2.0, measure=False), tmp_path / "state"
    cut_after(2, spec, state)
    if damage == "truncated":
        weights = state / "state.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "one bit":
        content = bytearray((state / "state.safetensors").read_bytes())
        content[-100] ^= 1
        (state / "state.safetensors").write_bytes(content)
    elif damage == "events lost":
        (state / "events.jsonl").write_text("", encoding="utf-8")
    elif damage == "a digit of an event":
        text = (state / "events.jsonl").read_text(encoding="utf-8")
        (state / "events.jsonl").write_text(text.replace('"step":1', '"step":2'), encoding="utf-8")
        assert '"step":1' in text
    else:
        spec = bench.spec("full", epochs=2.0, seed=7, measure=False)
    again = list(fine_tune(spec, "a run", state=state))
    assert [facts(event) for event in again] == [facts(event) for event in bench.run(spec)]


def test_no_state_is_written_within_the_first_minute_of_a_phase(
    bench: Bench, tmp_path: Path
) -> None:
    spec = bench.spec("full", epochs=2.0, measure=False)
    for event in fine_tune(spec, "a run", state=tmp_path / "state"):
        if isinstance(event, Step) and event.step < 6:
            assert saved_events(tmp_path / "state") == []


def test_a_run_that_was_stopped_keeps_its_state_and_continues_after_it(
    bench: Bench, tmp_path: Path
) -> None:
    spec, state = bench.spec("full", epochs=2.0, measure=False), tmp_path / "state"
    whole = bench.run(spec)
    stopping = iter([False] * 4)
    stopped = list(
        fine_tune(
            spec,
            "a run",
            should_stop=lambda: next(stopping, True),
            state=state,
            state_seconds=0.0,
        )
    )
    assert stopped[-1].event == "run_stopped"
    before = saved_events(state)
    assert 0 < sum(isinstance(event, Step) for event in before) <= 4
    after = list(fine_tune(spec, "a run", state=state))
    assert [facts(event) for event in (*before, *after)] == [facts(event) for event in whole]
    assert not state.exists()
