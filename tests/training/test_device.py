"""Where a run computes and in what precision; of the devices only those that are here are run."""

import pytest
import torch

from mtl_core.errors import InvalidRun
from mtl_core.models.transfer import to_device
from mtl_core.training.device import available_devices, resolve_device
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.run import fine_tune


def step_losses(events):
    return [
        loss
        for event in events
        if event.event == "step"
        for loss in event.loss.values()
        if loss is not None
    ]


def test_a_device_that_is_not_here_is_refused_and_what_is_here_is_named(bench):
    missing = next(name for name in ("mps", "cuda") if name not in available_devices())
    spec = bench.spec("heads-only", device=missing)

    with pytest.raises(InvalidRun, match=rf"'{missing}' is not available\. Available: .*cpu\."):
        next(fine_tune(spec, "a run"))


def test_a_device_that_nobody_knows_is_refused():
    with pytest.raises(InvalidRun, match=r"There is no device 'tpu'\. Available: .*cpu\."):
        resolve_device("tpu")


def test_a_tensor_that_is_on_its_device_is_not_copied():
    tokens = torch.arange(3)
    assert to_device(tokens, "cpu") is tokens


def test_auto_is_the_fastest_kind_here_and_the_processor_is_always_here():
    assert available_devices()[-1] == "cpu"
    assert resolve_device("auto") == available_devices()[0]
    assert resolve_device("cpu") == "cpu"


@pytest.mark.parametrize("device", [name for name in available_devices() if name != "cpu"])
def test_a_card_that_is_here_trains_as_the_processor_does(bench, device, of):
    on_cpu = bench.run(bench.spec("top-1", epochs=2))
    on_card = bench.run(bench.spec("top-1", epochs=2, device=device))

    # Dropout draws from the card's own stream, so the losses are near and not the same.
    assert step_losses(on_card) == pytest.approx(step_losses(on_cpu), rel=0.3)
    assert of(on_card, "run_finished")[0].frozen_identical is True


@pytest.mark.parametrize("scenario", ["top-1", "full"])
def test_bfloat16_gives_nearly_the_losses_of_float32(bench, scenario, of):
    spec = bench.spec(scenario, epochs=2)

    exact = bench.run(spec)
    low = bench.run(spec.model_copy(update={"precision": "bfloat16"}))
    again = bench.run(spec.model_copy(update={"precision": "bfloat16"}))

    assert step_losses(low) == pytest.approx(step_losses(exact), rel=0.03)
    assert step_losses(low) != step_losses(exact)
    assert step_losses(again) == step_losses(low)
    assert of(low, "run_finished")[0].frozen_identical is True


def test_with_heads_alone_every_step_is_float32(bench):
    spec = bench.spec("heads-only", epochs=2)

    low = bench.run(spec.model_copy(update={"precision": "bfloat16"}))

    assert step_losses(low) == step_losses(bench.run(spec))


def test_bfloat16_trains_weights_in_float32_and_leaves_what_is_frozen(
    bench, tmp_path, moved, written
):
    spec = bench.spec("top-1", precision="bfloat16")
    (table,) = bench.tables(spec.plan)
    learns = {row.name for row in table.rows if row.learning_rate is not None}
    start = bench.start()

    bench.run(spec, tmp_path / "output")

    end = written(tmp_path / "output")
    assert {each.dtype for each in end.values() if each.is_floating_point()} == {torch.float32}
    assert moved(start, end) == learns


def test_both_precisions_use_the_same_outputs_of_frozen_layers(bench, tmp_path, of):
    store = PrefixStore(tmp_path / "prefixes", 10_000_000)
    runs = [
        list(fine_tune(bench.spec("top-1", precision=precision), "a run", prefixes=store))
        for precision in ("float32", "bfloat16")
    ]

    told = [of(events, "phase_started")[0].prefix for events in runs]
    assert told[0] == told[1]
    assert told[0].from_layer == 1
    assert len(list((tmp_path / "prefixes").iterdir())) == 1
