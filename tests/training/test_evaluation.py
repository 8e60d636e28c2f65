"""Scores of the validation split, worked by hand."""

from dataclasses import replace
from math import log

import pytest
import torch

from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.alignment import encode
from mtl_core.tasks.dataset import load_dataset
from mtl_core.training.batches import collate
from mtl_core.training.evaluation import all_states, evaluate, read_batches
from mtl_core.training.events import SentenceScore, TokenScore
from mtl_core.training.loaded_run import load_run
from mtl_core.training.losses import task_losses


@pytest.fixture
def loaded(bench):
    return load_run(bench.spec("full"))


def say(head, *bias):
    """Let a head answer the same to everything."""
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.tensor(bias))


def scores(loaded, examples=None, encoded=None):
    return evaluate(
        loaded.model,
        loaded.dataset.validation if examples is None else examples,
        loaded.validation.examples if encoded is None else encoded,
        loaded.spec.tasks,
        loaded.pad_id,
    ).scores


def test_a_head_that_calls_all_positive_is_right_on_half_and_scores_a_third(loaded):
    say(loaded.model.classifier, 0.0, log(3))  # p(positive) = 3/4; two of each in the data

    score = scores(loaded)["sentiment"]

    # F1: negative 0, positive 2 * 2 / (4 + 2)
    assert (score.accuracy, score.macro_f1) == (0.5, pytest.approx(1 / 3))
    assert score.loss == pytest.approx(-(2 * log(3 / 4) + 2 * log(1 / 4)) / 4, rel=1e-6)


def test_a_head_that_calls_every_word_a_person_finds_two_of_six_entities(loaded):
    assert loaded.spec.tasks[1].outputs == ("O", "B-LOC", "B-ORG", "B-PER")
    say(loaded.model.ner, 0.0, 0.0, 0.0, log(5))  # p(B-PER) = 5/8

    score = scores(loaded)["ner"]

    # 17 words, each called a person; 2 of the 6 entities are persons
    assert score.precision == pytest.approx(2 / 17)
    assert score.recall == pytest.approx(2 / 6)
    assert score.entity_f1 == pytest.approx(4 / 23)
    assert score.loss == pytest.approx(-(2 * log(5 / 8) + 15 * log(1 / 8)) / 17, rel=1e-6)


def test_a_head_that_says_nothing_finds_no_entity_and_its_scores_are_zero_not_nan(loaded):
    say(loaded.model.ner, 1.0, 0.0, 0.0, 0.0)

    score = scores(loaded)["ner"]

    assert (score.precision, score.recall, score.entity_f1) == (0.0, 0.0, 0.0)


def test_an_untrained_head_of_zeros_has_the_loss_of_a_blind_guess(loaded):
    say(loaded.model.classifier, 0.0, 0.0)
    say(loaded.model.ner, 0.0, 0.0, 0.0, 0.0)

    found = scores(loaded)

    assert found["sentiment"].loss == pytest.approx(log(2), rel=1e-6)
    assert found["ner"].loss == pytest.approx(log(4), rel=1e-6)


def test_a_loss_of_exactly_zero_stays_zero(loaded, bench, write_data):
    all_outside = "the/O film/O was/O great/O"
    data = load_dataset(
        str(write_data([("good", "p"), ("bad", "n")], [all_outside, "oslo/B-LOC"])), ANY_FILE
    )
    examples = [example for example in data.validation if example.words][:1]
    encoded = encode(examples, data.tasks, loaded.tokenizer, 32).examples
    say(loaded.model.ner, 200.0, 0.0, 0.0, 0.0)

    found = scores(loaded, examples, encoded)

    undefined = {"entity_f1": None, "precision": None, "recall": None}  # there is no entity
    assert found == {"ner": TokenScore(loss=0.0, **undefined)}


def test_a_task_without_examples_is_left_out(loaded):
    sentences = [n for n, each in enumerate(loaded.dataset.validation) if each.words is None]

    found = scores(
        loaded,
        [loaded.dataset.validation[n] for n in sentences],
        [loaded.validation.examples[n] for n in sentences],
    )

    assert set(found) == {"sentiment"}
    assert isinstance(found["sentiment"], SentenceScore)


def test_the_loss_is_the_mean_over_all_examples_for_any_batch_size(loaded):
    times = 30  # 8 examples each: more than seven batches
    examples = loaded.dataset.validation * times
    encoded = loaded.validation.examples * times
    model = loaded.model.eval()
    whole = collate(loaded.validation.examples, loaded.spec.tasks, loaded.pad_id)
    with torch.no_grad():
        logits = model(whole.input_ids, whole.attention_mask)
        at_once = task_losses(logits, whole, loaded.spec.tasks)

    many, few = scores(loaded, examples, encoded), scores(loaded)

    for task in ("sentiment", "ner"):
        assert few[task].loss == pytest.approx(at_once[task].item(), abs=1e-6)
        assert many[task].loss == pytest.approx(few[task].loss, abs=1e-6)
        assert many[task].headline == pytest.approx(few[task].headline, abs=1e-12)


def test_a_score_does_not_depend_on_the_order_of_the_examples(loaded):
    turned = scores(loaded, loaded.dataset.validation[::-1], loaded.validation.examples[::-1])

    for task, score in scores(loaded).items():
        assert turned[task].loss == pytest.approx(score.loss, abs=1e-6)
        assert turned[task].headline == score.headline


def test_dropout_plays_no_part_in_a_score(loaded):
    loaded.model.train()

    assert scores(loaded) == scores(loaded)
    assert loaded.model.training


@pytest.mark.parametrize(
    ("max_length", "precision", "recall"), [(32, 2 / 8, 1.0), (8, 1 / 7, 1 / 2)]
)
def test_an_entity_cut_off_counts_as_missed(loaded, write_data, max_length, precision, recall):
    far = "the/O food/O was/O very/O good/O in/O oslo/B-LOC"  # 7 words; 6 fit into 8 tokens
    manifest = write_data([("good", "p"), ("bad", "n")], ["oslo/B-LOC", far, "acme/B-ORG"])
    data = load_dataset(str(manifest), ANY_FILE)
    examples = [example for example in data.validation if example.words][:2]
    encoded = encode(examples, data.tasks, loaded.tokenizer, max_length)
    say(loaded.model.ner, 0.0, 9.0, 0.0, 0.0)
    assert data.tasks[1].outputs == ("O", "B-LOC", "B-ORG")

    found = evaluate(
        loaded.model, examples, encoded.examples, data.tasks[1:], loaded.pad_id
    ).scores["ner"]

    assert (found.precision, found.recall) == (pytest.approx(precision), pytest.approx(recall))


def test_only_the_first_sub_word_of_a_word_is_scored(loaded, write_data):
    # "films" is cut into film and ##s, "hotels" into hotel and ##s
    manifest = write_data([("good", "p"), ("bad", "n")], ["films/B-LOC hotels/O anna/B-PER"])
    data = load_dataset(str(manifest), ANY_FILE)
    examples = [example for example in data.validation if example.words]
    encoded = encode(examples, data.tasks, loaded.tokenizer, 32).examples
    assert len(encoded[0].input_ids) == 7
    say(loaded.model.ner, 0.0, 9.0, 0.0, 0.0)

    found = evaluate(loaded.model, examples, encoded, data.tasks[1:], loaded.pad_id).scores["ner"]

    assert (found.precision, found.recall) == (pytest.approx(1 / 3), pytest.approx(1 / 2))


def test_batches_that_are_read_once_give_the_same_scores_to_the_bit(loaded):
    encoded, tasks = loaded.validation.examples, loaded.spec.tasks
    states = all_states(loaded.model.eval())
    batches = list(read_batches(loaded.model, encoded, tasks, loaded.pad_id, states))
    for seed in range(3):
        with torch.no_grad():
            for head in (loaded.model.classifier, loaded.model.ner):
                generator = torch.Generator().manual_seed(seed)
                head.weight.normal_(generator=generator)

        again = evaluate(
            loaded.model,
            loaded.dataset.validation,
            encoded,
            tasks,
            loaded.pad_id,
            batches=batches,
        )

        assert again.scores == scores(loaded)


def test_a_sentence_with_labels_of_two_tasks_in_two_files_is_in_one_pass(loaded):
    encoded = loaded.validation.examples
    shared = [replace(encoded[0], labels={"ner": (0,) * len(encoded[0].input_ids)}), *encoded]
    passed = []

    def counting(input_ids, attention_mask):
        passed.append(len(input_ids))
        return loaded.model.hidden(input_ids, attention_mask)

    batches = list(
        read_batches(loaded.model, shared, loaded.spec.tasks, 0, all_states(loaded.model, counting))
    )
    assert sum(passed) == len(encoded)
    assert sorted(n for batch in batches for places in batch.places for n in places) == list(
        range(len(shared))
    )
