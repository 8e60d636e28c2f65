"""Steps of heads on stored outputs, beside the same steps through modules and autograd."""

from itertools import islice

import pytest
import torch

from mtl_core.freezing.apply import apply_phase
from mtl_core.training import stored_heads
from mtl_core.training.batches import collate, drawn_batches
from mtl_core.training.gradients import accumulate_gradients
from mtl_core.training.loaded_run import load_run
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.stored_heads import StoredHeads, runs_on_stored_outputs


def prepared(bench, plan, **values):
    loaded = load_run(bench.spec(plan, epochs=4, **values))
    reused = ReusedPrefix(loaded)
    apply_phase(loaded.tables[0], loaded.model)
    reused.enter(loaded.tables[0])
    return loaded, reused


def gradients(loaded, step):
    """The losses of a step, the gradients of all heads, and the next random number."""
    torch.manual_seed(7)
    losses = step()
    found = {n: p.grad.clone() for n, p in loaded.model.named_parameters() if p.grad is not None}
    loaded.model.zero_grad(set_to_none=True)
    return losses, found, torch.rand(1).item()


@pytest.mark.parametrize("memory", [0, 10**8])
@pytest.mark.parametrize("weights", [{}, {"sentiment": 0.5}, {"ner": 0.0}])
def test_losses_and_gradients_are_those_of_autograd(
    bench, monkeypatch, global_random_state, memory, weights
):
    monkeypatch.setattr(stored_heads, "MAX_BYTES", memory)
    plan = bench.scenario("heads-only").model_copy(update={"task_weights": weights})
    loaded, reused = prepared(bench, plan)
    heads = StoredHeads(loaded, reused, lambda: None)
    drawn = drawn_batches(loaded.training, batch_size=loaded.spec.batch_size, seed=3)
    for examples in islice(drawn, 6):
        batch = collate(examples, loaded.spec.tasks, loaded.pad_id)
        losses, wanted, after = gradients(
            loaded, lambda batch=batch: accumulate_gradients(loaded, reused, [batch])
        )
        own, found, after_own = gradients(
            loaded, lambda examples=examples: heads.accumulate_gradients(examples)
        )
        assert own == pytest.approx(losses, abs=1e-6)
        assert after == after_own  # dropout drew as many random numbers
        assert found.keys() == wanted.keys()
        for name in wanted:
            torch.testing.assert_close(found[name], wanted[name], rtol=1e-5, atol=1e-7)


def test_a_frozen_head_gets_no_gradient(bench, global_random_state):
    loaded, reused = prepared(bench, bench.plan(["head:ner"]))
    heads = StoredHeads(loaded, reused, lambda: None)
    drawn = next(drawn_batches(loaded.training, batch_size=12, seed=0))

    losses, found, _ = gradients(loaded, lambda: heads.accumulate_gradients(drawn))

    assert set(losses) == {"sentiment", "ner"}
    assert set(found) == {"ner.weight", "ner.bias"}


def test_the_memory_for_rows_has_no_influence_on_a_run(bench, monkeypatch, without_times):
    spec = bench.spec("heads-only", epochs=3)
    in_memory = bench.run(spec)
    monkeypatch.setattr(stored_heads, "MAX_BYTES", 0)

    assert list(map(without_times, bench.run(spec))) == list(map(without_times, in_memory))


def test_phases_that_train_layers_or_store_nothing_run_through_modules(bench):
    assert not runs_on_stored_outputs(*prepared(bench, "top-1"))
    assert not runs_on_stored_outputs(*prepared(bench, "heads-only", prefix_reuse=False))
    assert runs_on_stored_outputs(*prepared(bench, "heads-only", precision="bfloat16"))
