"""Runs that end before the others, and runs that cannot be trained together."""

import pytest
import torch

from mtl_core.errors import BadInput
from mtl_core.training.together.member import Member
from mtl_core.training.together.rule import NotTogether
from mtl_core.training.together.run import fine_tune_together


def kinds(events):
    return [event.event for event in events]


def losses(events):
    return [event.loss for event in events if event.event == "step"]


def close(found):
    return [pytest.approx(loss, rel=1e-6, abs=1e-6) for loss in found]


def specs_of(bench, count=3, **values):
    return [
        bench.spec("heads-only", **{"seed": seed, "epochs": 2, **values}) for seed in range(count)
    ]


def test_a_stopped_run_ends_alone(bench, together):
    specs = specs_of(bench)
    members = [Member(str(n), spec) for n, spec in enumerate(specs)]
    found = {member.run: [] for member in members}
    for run, event in fine_tune_together(members, lambda run: run == "1" and len(found["1"]) > 5):
        found[run].append(event)

    assert kinds(found["1"])[-1] == "run_stopped"
    assert losses(found["1"])
    assert len(losses(found["1"])) < 6
    for place in (0, 2):
        alone = bench.run(specs[place])
        assert kinds(found[str(place)]) == kinds(alone)
        assert losses(found[str(place)]) == close(losses(alone))


@pytest.mark.parametrize("stopped_after", [0, 3])
def test_all_runs_can_be_stopped(bench, stopped_after):
    members = [Member(str(n), spec) for n, spec in enumerate(specs_of(bench))]
    seen = []
    for run, event in fine_tune_together(members, lambda _: len(seen) >= stopped_after):
        seen.append((run, event.event))

    assert [each for each in seen if each[1] == "run_stopped"] == [
        (member.run, "run_stopped") for member in members
    ]
    assert seen[-1][1] == "run_stopped"


def test_a_run_whose_loss_is_not_finite_fails_alone(bench, together):
    specs = specs_of(bench)
    specs[1] = specs[1].model_copy(
        update={"plan": specs[1].plan.with_rates(None, 10.0), "weight_decay": 1e38}
    )

    found = together(specs)

    assert kinds(found[1])[-1] == "run_failed"
    assert "The learning rate is probably too high" in found[1][-1].reason
    for place in (0, 2):
        assert losses(found[place]) == close(losses(bench.run(specs[place])))
        assert kinds(found[place])[-1] == "run_finished"


def test_a_run_whose_folder_is_not_empty_fails_alone(bench, together, tmp_path):
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "notes").write_text("mine")

    found = together(specs_of(bench), [tmp_path / str(n) for n in range(2)])

    assert kinds(found[0]) == ["run_failed"]
    assert "is not empty" in found[0][0].reason
    assert kinds(found[1])[-1] == kinds(found[2])[-1] == "run_finished"
    assert found[1][0].spec.trained_together == 2


def test_a_run_that_keeps_its_model_writes_that_of_the_run_alone(
    bench, together, tmp_path, written
):
    specs = specs_of(bench, count=2)

    together(specs, [tmp_path / "0", tmp_path / "1"])

    for place, spec in enumerate(specs):
        alone = bench.end(spec, tmp_path / f"alone {place}")
        here = written(tmp_path / str(place))
        assert here.keys() == alone.keys()
        for name, tensor in alone.items():
            if name.startswith("bert."):
                assert torch.equal(here[name], tensor)
            else:
                assert torch.allclose(here[name], tensor, rtol=1e-5, atol=1e-6)


def test_runs_without_stored_outputs_cannot_be_trained_together(bench, together):
    with pytest.raises(NotTogether):
        together(specs_of(bench, prefix_reuse=False))


def test_a_single_run_is_trained_alone(bench, together, without_times):
    (spec,) = specs_of(bench, count=1)

    (events,) = together([spec])

    assert events[0].spec.trained_together is None
    assert [drop(without_times(each), {"run"}) for each in events] == [
        drop(without_times(each), {"run"}) for each in bench.run(spec)
    ]


def drop(event, names):
    return {key: value for key, value in event.items() if key not in names}


def test_a_run_repeated_from_its_spec_is_trained_alone(bench, together):
    (first, _) = together(specs_of(bench, count=2))

    again = bench.run(first[0].spec)

    assert again[0].spec.trained_together is None
    assert losses(first) == close(losses(again))


def test_a_problem_of_all_runs_is_raised(bench, together):
    specs = [each.model_copy(update={"data": "nowhere"}) for each in specs_of(bench)]

    with pytest.raises(BadInput, match="nowhere"):
        together(specs)
