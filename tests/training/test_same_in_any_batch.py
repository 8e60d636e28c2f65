"""A sentence has the same losses and answers in every batch, as in transformers alone."""

import pytest
import torch

from benchmarks.architectures import LIMIT, compare
from mtl_core.models.padding import padding_problem
from mtl_core.training.backbone_passes import BackbonePasses
from mtl_core.training.loaded_run import load_run

SIZES = {
    "convbert": {"embedding_size": 32},
    "big_bird": {"block_size": 2, "num_random_blocks": 1, "sep_token_id": 3},
}


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("bert", ""),
        ("fnet", "'fnet' mixes padding into the states of a sentence"),
        ("convbert", "'convbert' mixes padding into the states of a sentence"),
    ],
)
def test_losses_and_answers_are_those_of_transformers_alone(make_checkpoint, tiny_data, kind, note):
    checkpoint = make_checkpoint(kind, **SIZES.get(kind, {}))

    found = compare(kind, checkpoint, str(tiny_data), None)

    assert found.agrees, found
    assert found.note.startswith(note)
    assert bool(found.note) == bool(note)


def test_a_model_that_replaces_its_attention_computes_each_length_as_loaded(
    make_checkpoint, bench_of, tiny_data
):
    bench = bench_of(make_checkpoint("big_bird", **SIZES["big_bird"]), tiny_data)
    model = load_run(bench.spec("full", max_length=64)).model.eval()
    problem = padding_problem(model.backbone)
    assert problem == "'big_bird' replaces modules of its own in a pass over a short sentence"
    ids = torch.arange(5, 29).repeat(2, 1)
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0

    with torch.no_grad():
        together = model.hidden(ids, mask)
        long = model.hidden(ids[:1], mask[:1])

    assert model.backbone.attention_type == "block_sparse"
    assert torch.equal(together[:1], long)


def test_a_model_has_the_attention_of_the_runs_longest_sentence_from_the_start(
    make_checkpoint, bench_of, tiny_data
):
    bench = bench_of(make_checkpoint("big_bird", **SIZES["big_bird"]), tiny_data)
    loaded = load_run(bench.spec("full", max_length=12))

    assert loaded.model.backbone.attention_type == "original_full"
    assert loaded.model.padding_problem is None
    assert not [note for note in loaded.notes if "big_bird" in note]


def test_a_step_with_the_padding_token_as_a_word_has_the_loss_of_its_sentences_alone(
    make_checkpoint, write_data, monkeypatch
):
    checkpoint = make_checkpoint("roberta")
    reviews = [
        ("the food [PAD] was very good and very great and not bad", "positive"),
        ("an awful film", "negative"),
    ]
    tagged = ["anna/B-PER was/O in/O [PAD]/O oslo/B-LOC", "acme/B-ORG"]
    data = str(write_data(reviews, tagged))

    found = compare("roberta", checkpoint, data, None)

    assert found.packs
    assert found.agrees, found
    monkeypatch.setattr(BackbonePasses, "fit_one_pass", lambda *_: True)
    assert compare("roberta", checkpoint, data, None).training > 100 * LIMIT
