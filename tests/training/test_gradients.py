"""A step's examples in parts of like length, with the loss and gradient of the whole batch."""

from itertools import islice

import pytest
import torch

from mtl_core.models.packing import PackedBackbone
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.training import backbone_passes, gradients
from mtl_core.training.batches import collate, drawn_batches
from mtl_core.training.gradients import (
    accumulate_gradients,
    group_into_passes,
    split_by_length,
    splits_batches,
)
from mtl_core.training.loaded_run import load_run
from mtl_core.training.losses import joint_loss, label_counts, task_losses
from mtl_core.training.prefix.reuse import ReusedPrefix


def lengths(cut):
    return [list(map(int, batch.attention_mask.sum(1))) for batch in cut]


def examples(*wanted):
    return [EncodedExample((7,) * length, {"sentiment": 0}) for length in wanted]


def test_short_and_long_examples_are_padded_apart(bench):
    cut = split_by_length(examples(30, 10, 30, 10, 30, 10), bench.description.tasks, pad_id=0)

    assert lengths(cut) == [[10, 10, 10], [30, 30, 30]]  # 60 tokens of padding less, for 32
    assert [batch.input_ids.shape for batch in cut] == [(3, 10), (3, 30)]


def test_a_little_padding_does_not_pay_for_another_part(bench):
    cut = split_by_length(examples(12, 10, 12, 11), bench.description.tasks, pad_id=0)

    assert lengths(cut) == [[10, 11, 12, 12]]


def test_parts_that_run_in_one_pass_pay_sooner(bench):
    cut = split_by_length(examples(12, 7, 12, 7, 12), bench.description.tasks, 0, packed=True)

    assert lengths(cut) == [[7, 7], [12, 12, 12]]  # 10 tokens of padding less, for 8
    assert lengths(split_by_length(examples(12, 7, 12, 7, 12), bench.description.tasks, 0)) == [
        [7, 7, 12, 12, 12]
    ]


def test_as_many_parts_as_pay(bench):
    cut = split_by_length(
        examples(*[5] * 20, *[9] * 20, *[40] * 20), bench.description.tasks, pad_id=0
    )

    assert lengths(cut) == [[5] * 20, [9] * 20, [40] * 20]


def test_parts_share_a_pass_until_it_holds_as_many_tokens_as_pay(bench):
    tasks = bench.description.tasks
    cut = [
        collate(examples(*[length] * rows), tasks, 0)
        for rows, length in ((20, 10), (10, 44), (1, 1), (8, 100), (3, 5))
    ]

    shared = group_into_passes(cut)

    tokens = [[each.input_ids.numel() for each in several] for several in shared]
    assert tokens == [[200, 440], [1], [800], [15]]  # at most 640, but for a part of more
    assert group_into_passes([]) == []


@pytest.mark.parametrize("limit", [1, 640])
def test_a_step_in_shared_passes_learns_what_its_parts_one_by_one_would(bench, monkeypatch, limit):
    monkeypatch.setattr(gradients, "PACKED_PART_TOKENS", 0)
    monkeypatch.setattr(gradients, "PACKED_TOKENS", limit)
    loaded = load_run(bench.spec("full", batch_size=12))
    loaded.model.eval()
    (drawn,) = islice(drawn_batches(loaded.training, batch_size=12, seed=0), 1)
    cut = split_by_length(drawn, loaded.spec.tasks, 0, packed=True)
    reused, found = ReusedPrefix(loaded), []
    for several in (cut, [collate(drawn, loaded.spec.tasks, 0)]):
        loaded.model.zero_grad()
        losses = accumulate_gradients(loaded, reused, several)
        found.append(
            (losses, [p.grad.clone() for p in loaded.model.parameters() if p.grad is not None])
        )

    (losses, many), (expected, whole) = found
    assert reused.packs
    assert len(cut) > 1
    assert losses == pytest.approx(expected, rel=1e-6)
    for mine, other in zip(many, whole, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("plan", "pays"),
    [("full", True), ("top-1", True), ("bitfit", True), ("heads-only", False), ("frozen", False)],
)
def test_parts_are_for_phases_in_which_more_than_heads_learn(bench, plan, pays):
    (table, *_) = bench.tables(bench.scenario(plan))

    assert splits_batches(table) is pays
    assert not splits_batches(table, "cuda")


def test_parts_give_the_losses_and_the_gradient_of_the_whole_batch(bench, monkeypatch):
    monkeypatch.setattr(gradients, "PART_TOKENS", 0)  # as many as there are lengths
    loaded = load_run(bench.spec("full", batch_size=12))
    (drawn,) = islice(drawn_batches(loaded.training, batch_size=12, seed=0), 1)
    tasks, model = loaded.spec.tasks, loaded.model.eval()
    found = []
    for batches in (split_by_length(drawn, tasks, 0), [collate(drawn, tasks, 0)]):
        model.zero_grad()
        counts, losses = label_counts(batches), dict.fromkeys(("sentiment", "ner"), 0.0)
        for batch in batches:
            logits = model(batch.input_ids, batch.attention_mask)
            shares = {
                task: loss / counts[task]
                for task, loss in task_losses(logits, batch, tasks, reduction="sum").items()
            }
            joint_loss(shares, {}).backward()
            told = {task: loss.item() for task, loss in shares.items()}
            losses = {task: losses[task] + told.get(task, 0.0) for task in losses}
        gradient = [each.grad.clone() for each in model.parameters() if each.grad is not None]
        found.append((len(batches), losses, gradient))

    (several, in_many, many), (one, in_one, whole) = found
    assert several > 1
    assert one == 1
    assert in_many == pytest.approx(in_one, rel=1e-6)
    for mine, other in zip(many, whole, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("plan", "tried"), [("heads-only", 0), ("full", 1)])
def test_what_packs_is_tried_once_and_only_where_a_step_has_parts(bench, monkeypatch, plan, tried):
    made = []
    monkeypatch.setattr(
        backbone_passes,
        "PackedBackbone",
        lambda *said: made.append(PackedBackbone(*said)) or made[-1],
    )

    bench.run(bench.spec(plan))

    assert len(made) == tried
