"""A step's examples in parts of like length, with the loss and gradient of the whole batch."""

from itertools import islice

import pytest
import torch

from mtl_core.tasks.alignment import EncodedExample
from mtl_core.training import parts
from mtl_core.training.batches import collate, drawn_batches
from mtl_core.training.losses import joint_loss, label_counts, task_losses
from mtl_core.training.parts import in_parts, runs_in_parts
from mtl_core.training.setting import load_setting


def lengths(cut):
    return [list(map(int, batch.attention_mask.sum(1))) for batch in cut]


def examples(*wanted):
    return [EncodedExample((7,) * length, {"sentiment": 0}) for length in wanted]


def test_short_and_long_examples_are_padded_apart(bench):
    cut = in_parts(examples(30, 10, 30, 10, 30, 10), bench.description.tasks, pad_id=0)

    assert lengths(cut) == [[10, 10, 10], [30, 30, 30]]  # 60 tokens of padding less, for 32
    assert [batch.input_ids.shape for batch in cut] == [(3, 10), (3, 30)]


def test_a_little_padding_does_not_pay_for_another_part(bench):
    cut = in_parts(examples(12, 10, 12, 11), bench.description.tasks, pad_id=0)

    assert lengths(cut) == [[10, 11, 12, 12]]


def test_parts_that_run_in_one_pass_pay_sooner(bench):
    cut = in_parts(examples(12, 7, 12, 7, 12), bench.description.tasks, 0, packed=True)

    assert lengths(cut) == [[7, 7], [12, 12, 12]]  # 10 tokens of padding less, for 8
    assert lengths(in_parts(examples(12, 7, 12, 7, 12), bench.description.tasks, 0)) == [
        [7, 7, 12, 12, 12]
    ]


def test_as_many_parts_as_pay(bench):
    cut = in_parts(examples(*[5] * 20, *[9] * 20, *[40] * 20), bench.description.tasks, pad_id=0)

    assert lengths(cut) == [[5] * 20, [9] * 20, [40] * 20]


@pytest.mark.parametrize(
    ("plan", "pays"),
    [("full", True), ("top-1", True), ("bitfit", True), ("heads-only", False), ("frozen", False)],
)
def test_parts_are_for_phases_in_which_more_than_heads_learn(bench, plan, pays):
    assert runs_in_parts(bench.tables(bench.scenario(plan))[0]) is pays


def test_parts_give_the_losses_and_the_gradient_of_the_whole_batch(bench, monkeypatch):
    monkeypatch.setattr(parts, "PART_TOKENS", 0)  # as many as there are lengths
    setting = load_setting(bench.spec("full", batch_size=12))
    (drawn,) = islice(drawn_batches(setting.training, batch_size=12, seed=0), 1)
    tasks, model = setting.spec.tasks, setting.model.eval()
    found = []
    for batches in (in_parts(drawn, tasks, 0), [collate(drawn, tasks, 0)]):
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
