"""Micro-batches and gradient checkpointing: the same gradients with less memory."""

from itertools import islice

import pytest
import torch
from torch import nn

from mtl_core.errors import InvalidRun
from mtl_core.freezing.apply import apply_phase
from mtl_core.models.gradient_checkpointing import use_gradient_checkpointing
from mtl_core.training.batches import collate, drawn_batches
from mtl_core.training.gradients import accumulate_gradients, micro_batches
from mtl_core.training.loaded_run import load_run
from mtl_core.training.prefix.reuse import ReusedPrefix


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.0


def gradients_of(spec, parts_of=None):
    """The losses and the gradient of each tensor in a step without dropout, and the run."""
    loaded = load_run(spec)
    apply_phase(loaded.tables[0], loaded.model)
    without_dropout(loaded.model)
    reused = ReusedPrefix(loaded)
    reused.enter(loaded.tables[0])
    (drawn,) = islice(drawn_batches(loaded.training, batch_size=12, seed=0), 1)
    whole = [collate(drawn, spec.tasks, loaded.pad_id)]
    parts = parts_of(drawn, spec.tasks, loaded.pad_id) if parts_of else whole
    losses = accumulate_gradients(loaded, reused, parts)
    found = {
        name: each.grad.clone()
        for name, each in loaded.model.named_parameters()
        if each.grad is not None
    }
    return losses, found, loaded


def require_close(found, expected):
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("scenario", ["full", "top-1", "heads-only"])
@pytest.mark.parametrize("size", [1, 5, 12])
def test_micro_batches_give_the_losses_and_the_gradients_of_the_batch(bench, scenario, size):
    whole = bench.spec(scenario, batch_size=12)
    losses, expected, _ = gradients_of(whole)
    accumulated = whole.model_copy(update={"micro_batch_size": size})
    found_losses, found, _ = gradients_of(
        accumulated, lambda drawn, tasks, pad: micro_batches(drawn, size, tasks, pad)
    )

    assert found_losses == pytest.approx(losses, rel=1e-5)
    require_close(found, expected)


def test_a_pass_of_a_run_has_no_more_sentences_than_a_micro_batch(bench, monkeypatch):
    sizes = []
    backward = accumulate_gradients.__globals__["_backward"]

    def counted(loaded, reused, parts, counts):
        sizes.append(sum(len(each.input_ids) for each in parts))
        return backward(loaded, reused, parts, counts)

    monkeypatch.setitem(accumulate_gradients.__globals__, "_backward", counted)
    bench.run(bench.spec("full", batch_size=8, micro_batch_size=3))

    assert max(sizes) == 3


@pytest.mark.parametrize("scenario", ["full", "top-1", "embeddings-frozen", "bottom-1"])
def test_gradient_checkpointing_gives_the_same_gradients_also_above_frozen_embeddings(
    bench, scenario
):
    plain = bench.spec(scenario, batch_size=12)
    losses, expected, _ = gradients_of(plain)
    found_losses, found, loaded = gradients_of(
        plain.model_copy(update={"gradient_checkpointing": True})
    )

    assert found_losses == pytest.approx(losses, rel=1e-5)
    require_close(found, expected)
    learns = {row.name for row in loaded.tables[0].rows if row.learning_rate is not None}
    assert found.keys() == learns


def test_only_layers_that_learn_run_a_second_time(bench):
    ran = []
    spec = bench.spec("top-1", batch_size=12, gradient_checkpointing=True, prefix_reuse=False)
    loaded = load_run(spec)
    apply_phase(loaded.tables[0], loaded.model)
    for number, layer in enumerate(loaded.model.backbone.encoder.layer):
        layer.attention.register_forward_hook(lambda *_, number=number: ran.append(number))
    (drawn,) = islice(drawn_batches(loaded.training, batch_size=12, seed=0), 1)
    reused = ReusedPrefix(loaded)
    reused.enter(loaded.tables[0])
    accumulate_gradients(loaded, reused, [collate(drawn, spec.tasks, loaded.pad_id)])

    last = len(loaded.model.backbone.encoder.layer) - 1
    assert ran == [*range(last + 1), last]


def test_a_run_with_both_is_repeatable_and_leaves_what_is_frozen(bench, of):
    spec = bench.spec("top-1", batch_size=8, micro_batch_size=3, gradient_checkpointing=True)
    first, again = bench.run(spec), bench.run(spec)

    losses = [[step.loss for step in of(events, "step")] for events in (first, again)]
    assert losses[0] == losses[1]
    assert of(first, "run_finished")[0].frozen_identical is True


def test_an_architecture_without_gradient_checkpointing_is_refused():
    class Plain(nn.Module):
        config = type("Config", (), {"model_type": "plain"})

        def activation_checkpointing_enable(self, _options):
            raise ValueError

    with pytest.raises(InvalidRun, match="'plain' has no gradient checkpointing"):
        use_gradient_checkpointing(Plain())
