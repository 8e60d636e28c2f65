"""Examples as padded batches, each epoch in an order of its own."""

from itertools import chain, islice

import pytest
import torch

from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.batches import collate, drawn_batches, fill_batches, training_order
from mtl_core.training.loaded_run import load_run
from mtl_core.training.losses import (
    joint_loss,
    labelled,
    labelled_losses,
    read_positions,
    task_losses,
)

SENTIMENT = Task(name="sentiment", kind=TaskKind.SENTENCE, head="classifier", outputs=("no", "yes"))
NER = Task(name="ner", kind=TaskKind.TOKEN, head="ner", outputs=("O", "B-x", "I-x"))
TASKS = (SENTIMENT, NER)

YES = EncodedExample((2, 7, 3), {"sentiment": 1})
NO = EncodedExample((2, 8, 9, 9, 3), {"sentiment": 0})
TAGGED = EncodedExample((2, 5, 6, 3), {"ner": (-100, 1, 2, -100)}, (1, 2))
BOTH = EncodedExample((2, 5, 3), {"sentiment": 1, "ner": (-100, 0, -100)}, (1,))
UNSEEN = EncodedExample((2, 3), {"ner": (-100, -100)}, (None,))


def test_examples_are_padded_to_the_longest_and_masked_where_padded():
    batch = collate([YES, NO, TAGGED], TASKS, pad_id=44)

    assert batch.input_ids.tolist() == [[2, 7, 3, 44, 44], [2, 8, 9, 9, 3], [2, 5, 6, 3, 44]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]


def test_each_task_has_the_rows_of_its_own_examples():
    batch = collate([YES, TAGGED, NO], TASKS, pad_id=0)

    assert batch.rows["sentiment"].tolist() == [0, 2]
    assert batch.labels["sentiment"].tolist() == [1, 0]
    assert batch.rows["ner"].tolist() == [1]
    assert batch.labels["ner"].tolist() == [[-100, 1, 2, -100, -100]]


def test_an_example_of_two_tasks_is_in_the_rows_of_both():
    batch = collate([TAGGED, BOTH], TASKS, pad_id=0)

    assert batch.rows["sentiment"].tolist() == [1]
    assert batch.rows["ner"].tolist() == [0, 1]
    assert batch.labels["ner"].tolist() == [[-100, 1, 2, -100], [-100, 0, -100, -100]]


def test_a_batch_of_one_task_leaves_the_other_out():
    batch = collate([YES, NO], TASKS, pad_id=0)

    assert set(batch.rows) == set(batch.labels) == {"sentiment"}


def test_a_batch_all_of_whose_token_labels_are_ignored_has_no_loss_for_that_task():
    batch = collate([UNSEEN, YES], TASKS, pad_id=0)
    logits = {"sentiment": torch.zeros(2, 2), "ner": torch.zeros(2, 3, 3)}

    losses = task_losses(logits, batch, TASKS)

    assert set(losses) == {"sentiment"}
    assert losses["sentiment"].item() == pytest.approx(0.6931472)


def test_a_batch_that_says_nothing_has_no_joint_loss():
    batch = collate([UNSEEN], TASKS, pad_id=0)
    logits = {"sentiment": torch.zeros(1, 2), "ner": torch.zeros(1, 2, 3)}

    assert task_losses(logits, batch, TASKS) == {}
    assert joint_loss({}, {}) is None


def test_a_sentence_without_labels_does_not_thin_out_the_mean_of_the_others():
    logits = {"ner": torch.tensor([[[0.0, 1.0, 0.0]] * 4])}
    alone = task_losses(logits, collate([TAGGED], [NER], 0), [NER])["ner"]
    two = {"ner": torch.cat([logits["ner"], torch.full((1, 4, 3), 9.0)])}

    together = task_losses(two, collate([TAGGED, UNSEEN], [NER], 0), [NER])["ner"]

    assert together.item() == alone.item()


def test_the_token_loss_is_the_mean_over_labelled_tokens_of_the_whole_batch():
    logits = torch.zeros(2, 4, 3)
    logits[0, 1, 1] = 5.0  # tagged B-x, said loudly
    batch = collate([TAGGED, BOTH], TASKS, pad_id=0)

    loss = task_losses({"sentiment": torch.zeros(2, 2), "ner": logits}, batch, TASKS)["ner"]

    uniform = torch.log(torch.tensor(3.0))
    loud = torch.log(torch.tensor(5.0).exp() + 2) - 5
    assert loss.item() == pytest.approx(((loud + 2 * uniform) / 3).item(), rel=1e-6)


def test_the_joint_loss_is_the_weighted_sum_and_a_task_not_named_weighs_one():
    losses = {
        "a": torch.tensor(2.0, requires_grad=True),
        "b": torch.tensor(3.0, requires_grad=True),
    }

    assert joint_loss(losses, {}).item() == 5.0
    assert joint_loss(losses, {"b": 0.5}).item() == 3.5
    assert joint_loss(losses, {"b": 0.0}).item() == 2.0


def test_a_task_that_weighs_nothing_sends_no_gradient_at_all():
    """Not even a gradient of zeros, which weight decay would make something of."""
    learned, silent = (torch.tensor(value, requires_grad=True) for value in (2.0, float("inf")))

    joint = joint_loss({"a": learned * 1, "b": silent * 1}, {"b": 0.0})
    joint.backward()

    assert joint.item() == 2.0
    assert (learned.grad.item(), silent.grad) == (1.0, None)


def test_a_loss_from_which_nothing_can_be_learned_is_no_part_of_the_joint_one():
    learned, fixed = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0)

    assert joint_loss({"a": learned, "b": fixed}, {}).item() == 2.0
    assert joint_loss({"b": fixed}, {}) is None


def test_the_order_of_an_epoch_is_a_permutation_that_the_seed_and_the_epoch_decide():
    lengths = [3 + number % 20 for number in range(100)]
    order = training_order(7, 0, lengths, 8)

    assert sorted(order) == list(range(100))
    assert order == training_order(7, 0, lengths, 8)
    assert order != training_order(7, 1, lengths, 8)
    assert order != training_order(8, 0, lengths, 8)
    assert order != list(range(100))


def test_a_batch_holds_examples_of_like_length_and_batches_come_in_random_order():
    lengths = [1 + number % 10 for number in range(100)]

    order = training_order(0, 0, lengths, 10)

    batches = [[lengths[n] for n in order[start : start + 10]] for start in range(0, 100, 10)]
    assert sorted(batches) == [[length] * 10 for length in range(1, 11)]
    assert batches != sorted(batches)


def test_each_batch_holds_its_share_of_every_task_though_one_has_the_longer_sentences():
    kinds = ["a" if number % 2 else "b" for number in range(160)]
    lengths = [number + (1000 if number % 2 else 0) for number in range(160)]

    order = training_order(0, 0, lengths, 16, kinds)

    for start in range(0, 160, 16):
        batch = order[start : start + 16]
        assert [kinds[n] for n in batch].count("a") == 8
        assert max(n for n in batch) - min(n for n in batch) < 18


def test_only_examples_that_chance_put_within_sixteen_batches_trade_places():
    lengths = list(range(64))

    order = training_order(0, 0, lengths, 2)

    batches = {tuple(order[start : start + 2]) for start in range(0, 64, 2)}
    assert batches != {(n, n + 1) for n in range(0, 64, 2)}
    assert all(first < second for first, second in batches)


def test_what_is_left_over_makes_a_last_batch_of_examples_that_no_length_chose():
    lasts = [training_order(seed, 0, list(range(10)), 8)[8:] for seed in range(200)]

    shares = [sum(number in last for last in lasts) / 200 for number in range(10)]
    assert min(shares) > 0.1  # 2 of 10 each time: 0.2 of the seeds
    assert max(shares) < 0.3


def test_each_epoch_takes_each_example_once_in_a_new_order():
    examples = [EncodedExample((number,), {"sentiment": number % 2}) for number in range(10)]
    batches = drawn_batches(examples, batch_size=4, seed=0)

    taken = [[example.input_ids[0] for example in batch] for batch in islice(batches, 6)]

    assert [len(each) for each in taken] == [4, 4, 2, 4, 4, 2]
    first, second = list(chain(*taken[:3])), list(chain(*taken[3:]))
    assert first == training_order(0, 0, [1] * 10, 4)
    assert second == training_order(0, 1, [1] * 10, 4)
    assert sorted(first) == sorted(second) == list(range(10))


def test_a_pass_takes_as_many_examples_as_fit_and_a_long_one_alone():
    lengths = [100, 100, 100, 200, 200, 513, 600]

    cut = [list(places) for places in fill_batches(lengths)]

    assert cut == [[0, 1, 2], [3, 4], [5], [6]]  # at most 512 tokens, padding included
    assert list(fill_batches([])) == []


def test_heads_run_where_there_is_a_label_and_give_the_same_losses(bench):
    loaded = load_run(bench.spec("full"))
    model, tasks = loaded.model.eval(), loaded.spec.tasks
    batch = collate(loaded.training, tasks, pad_id=0)
    seen = []
    model.dropout.register_forward_hook(lambda _, states, __: seen.append(states[0].shape[0]))
    hidden = model.backbone(batch.input_ids, batch.attention_mask).last_hidden_state

    read = labelled([batch], tasks, model.sentence_vector)
    states = hidden.flatten(0, 1)[read_positions(read)]
    found = labelled_losses(model, states, read)

    assert seen == [len(batch.rows["sentiment"]), int((batch.labels["ner"] != -100).sum())]
    whole = task_losses(model.heads(hidden, batch.attention_mask), batch, tasks, reduction="sum")
    assert list(found) == list(whole)
    for task, loss in found.items():
        torch.testing.assert_close(loss, whole[task])


def test_padding_does_not_change_what_a_model_answers(bench):
    model = bench.model().eval()
    short = EncodedExample((2, 8, 11, 3), {"sentiment": 1})
    long = EncodedExample((2, *range(5, 25), 3), {"sentiment": 1})

    with torch.no_grad():
        alone = collate([short], [SENTIMENT], pad_id=0)
        padded = collate([short, long], [SENTIMENT], pad_id=0)
        lone = model(alone.input_ids, alone.attention_mask)
        wide = model(padded.input_ids, padded.attention_mask)

    assert wide["sentiment"][0].tolist() == pytest.approx(lone["sentiment"][0].tolist(), abs=1e-6)
    assert wide["ner"][0, 2].tolist() == pytest.approx(lone["ner"][0, 2].tolist(), abs=1e-6)
