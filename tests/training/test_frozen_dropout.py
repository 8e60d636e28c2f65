"""Runs that keep dropout on in frozen layers, as `model.train()` alone does."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from mtl_core.freezing.apply import apply_phase
from mtl_core.models.narrowing import NarrowedTop
from mtl_core.tasks.alignment import IGNORED
from mtl_core.training.batches import collate, drawn_batches
from mtl_core.training.loaded_run import load_run
from mtl_core.training.prefix.plan import depths_read_by
from mtl_core.training.random_streams import stream_seed
from mtl_core.training.spec import RunSpec

RATE = 1e-2


def plain_losses(loaded, steps):
    """The losses of a plain PyTorch loop: `model.train()`, and a backbone without gradients."""
    from transformers import AutoModel

    spec = loaded.spec
    backbone = AutoModel.from_pretrained(spec.checkpoint, use_safetensors=True)
    heads = nn.ModuleDict({t.name: nn.Linear(32, len(t.outputs)) for t in spec.tasks})
    for task in spec.tasks:
        heads[task.name].load_state_dict(loaded.model.head(task).state_dict())
    backbone.requires_grad_(False)
    backbone.train()
    groups = [
        {"params": [head.weight for head in heads.values()], "weight_decay": spec.weight_decay},
        {"params": [head.bias for head in heads.values()], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE)
    drawn = drawn_batches(loaded.training, batch_size=spec.batch_size, seed=spec.seed)
    found = []
    torch.manual_seed(stream_seed(spec.seed, "dropout"))
    for _ in range(steps):
        batch = collate(next(drawn), spec.tasks, loaded.pad_id)
        hidden = backbone(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask
        ).last_hidden_state
        read = {"sentiment": hidden[:, 0], "ner": hidden}
        losses = {
            name: functional.cross_entropy(
                heads[name](read[name][rows]).flatten(0, -2),
                batch.labels[name].flatten(),
                ignore_index=IGNORED,
            )
            for name, rows in batch.rows.items()
        }
        sum(losses.values()).backward()
        nn.utils.clip_grad_norm_(heads.parameters(), spec.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        found.append({name: loss.item() for name, loss in losses.items()})
    return found


def test_losses_of_heads_are_those_of_a_plain_loop_in_train_mode(
    bench, of, monkeypatch, global_random_state
):
    # A narrowed last layer draws masks for fewer positions: the same dropout, but other masks.
    monkeypatch.setattr(NarrowedTop, "_find_first_module", lambda _: None)
    plan = bench.plan(["heads"], head_learning_rate=RATE)
    spec = bench.spec(plan, epochs=2, frozen_dropout=True, head_dropout=0.0)

    with_dropout = [step.loss for step in of(bench.run(spec), "step")]

    expected = plain_losses(load_run(spec), steps=6)
    found = [{k: v for k, v in loss.items() if v is not None} for loss in with_dropout]
    assert found == [pytest.approx(loss, abs=1e-6) for loss in expected]
    without = of(bench.run(spec.model_copy(update={"frozen_dropout": False})), "step")
    assert abs(without[0].loss["sentiment"] - expected[0]["sentiment"]) > 1e-4


def test_every_module_trains_and_frozen_tensors_get_no_gradient(bench):
    model = bench.model()
    (table,) = bench.tables(bench.plan(["heads"]))

    apply_phase(table, model.eval(), frozen_dropout=True)

    assert all(module.training for module in model.modules())
    assert not any(each.requires_grad for each in model.backbone.parameters())


def test_frozen_layers_run_on_every_step_and_scores_are_without_dropout(bench, of):
    spec = bench.spec("heads-only", epochs=2)
    events = bench.run(spec.model_copy(update={"frozen_dropout": True}))

    (phase,) = of(events, "phase_started")
    assert phase.prefix.from_layer is None
    assert phase.prefix.reason == (
        "dropout is on in frozen layers, so their outputs differ on every step"
    )
    before, usual = (of(each, "evaluation")[0].tasks for each in (events, bench.run(spec)))
    for task, score in before.items():
        assert score.loss == pytest.approx(usual[task].loss, abs=1e-6)
    assert of(events, "run_finished")[0].frozen_identical


def test_no_outputs_are_stored_for_runs_with_dropout_in_frozen_layers(bench):
    spec = bench.spec("heads-only", epochs=4)
    loaded, noisy = load_run(spec), spec.model_copy(update={"frozen_dropout": True})

    assert depths_read_by([spec], loaded) == {2}
    assert depths_read_by([noisy], loaded) == depths_read_by([spec], load_run(noisy)) == set()


def test_a_spec_from_before_the_option_has_no_dropout_in_frozen_layers(bench):
    stored = bench.spec("heads-only").model_dump(mode="json", exclude={"frozen_dropout"})

    assert RunSpec.model_validate(stored).frozen_dropout is False
