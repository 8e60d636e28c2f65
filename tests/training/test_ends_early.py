"""Runs that do not reach their end: numbers that are none, and people who stop them."""

import pytest

from mtl_core.errors import DamagedCheckpoint, Diverged, FreezeLabError
from mtl_core.training.run import fine_tune


@pytest.fixture
def infinite(bench_of, changed_checkpoint, tiny_data):
    """A bench whose checkpoint holds one infinite weight."""

    def spoil(tensors):
        tensors["encoder.layer.0.output.dense.weight"][0, 0] = float("inf")

    return bench_of(changed_checkpoint(spoil), tiny_data)


@pytest.fixture
def explosive(bench_of, changed_checkpoint, tiny_data):
    """A bench whose checkpoint answers with finite numbers and learns from infinite gradients."""

    def stretch(tensors):
        tensors["encoder.layer.1.attention.output.LayerNorm.weight"].fill_(1e-6)
        tensors["encoder.layer.1.output.LayerNorm.weight"].fill_(1e37)

    return bench_of(changed_checkpoint(stretch), tiny_data)


@pytest.fixture
def unread(bench_of, changed_checkpoint, tiny_data):
    """A bench whose checkpoint overflows in training, and has a NaN that no pass reads."""

    def spoil(tensors):
        tensors["encoder.layer.1.attention.output.LayerNorm.weight"].fill_(1e-6)
        tensors["encoder.layer.1.output.LayerNorm.weight"].fill_(1e37)
        tensors["embeddings.position_embeddings.weight"][60, 0] = float("nan")

    return bench_of(changed_checkpoint(spoil), tiny_data)


def until_it_fails(spec, output, kind=Diverged):
    """The kinds of event before the failure, and what the failure says."""
    kinds = []
    with pytest.raises(FreezeLabError, match=r"Nothing was written\.") as failure:
        kinds.extend(event.event for event in fine_tune(spec, "a run", output))
    assert type(failure.value) is kind
    assert not output.exists()
    return kinds, str(failure.value)


@pytest.mark.parametrize("scenario", ["full", "heads-only", "frozen"])
def test_a_checkpoint_with_an_infinite_weight_is_found_out_before_the_first_step(
    infinite, scenario, tmp_path
):
    spec = infinite.spec(scenario)

    kinds, reason = until_it_fails(spec, tmp_path / "output", DamagedCheckpoint)

    assert kinds == ["run_started"]
    assert reason == (
        "The loss of sentiment became nan at step 0. Nothing was written. The checkpoint's own "
        "weights are damaged (NaN or infinite values in bert.encoder.layer.0.output.dense.weight). "
        "Copy it again."
    )


def test_a_loss_that_explodes_is_not_blamed_on_the_rate_if_the_weights_are_damaged(
    unread, tmp_path
):
    spec = unread.spec("full")

    _, reason = until_it_fails(spec, tmp_path / "output", DamagedCheckpoint)

    assert "step 2" in reason
    assert "values in bert.embeddings.position_embeddings.weight). Copy it again." in reason


def test_training_that_explodes_ends_with_the_step_and_a_remedy(explosive, tmp_path):
    kinds, reason = until_it_fails(explosive.spec("full"), tmp_path / "output")

    assert kinds == ["run_started", "evaluation", "answers", "phase_started", "step"]
    assert reason.endswith("The learning rate is probably too high: try a tenth of it.")
    assert "became nan at step 2." in reason


def test_a_last_step_that_explodes_is_found_out_by_the_evaluation_after_it(explosive, tmp_path):
    spec = explosive.spec("full", batch_size=12)

    kinds, reason = until_it_fails(spec, tmp_path / "output")

    assert kinds == ["run_started", "evaluation", "answers", "phase_started", "step"]
    assert "became nan at step 1." in reason


def test_a_run_stops_between_two_steps_on_request_and_writes_nothing(bench, tmp_path):
    seen = []

    def after_three():
        return sum(event.event == "step" for event in seen) == 3

    for event in fine_tune(
        bench.spec("full", epochs=2), "a run", tmp_path / "output", should_stop=after_three
    ):
        seen.append(event)

    assert [event.event for event in seen].count("step") == 3
    assert seen[-1].event == "run_stopped"
    assert seen[-1].reason == "Stopped on request."
    assert not (tmp_path / "output").exists()


def test_a_run_stopped_at_once_takes_no_step(bench):
    events = list(fine_tune(bench.spec("full"), "a run", should_stop=lambda: True))

    assert [event.event for event in events] == [
        "run_started",
        "evaluation",
        "answers",
        "run_stopped",
    ]
