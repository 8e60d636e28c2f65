"""Runs whose sentence heads read the mean of all tokens or the pooler's output."""

import json

import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.apply import apply_phase
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.training.batches import collate
from mtl_core.training.evaluation import evaluate
from mtl_core.training.gradients import accumulate_gradients
from mtl_core.training.loaded_run import load_run
from mtl_core.training.losses import head_inputs, labelled, read_positions
from mtl_core.training.output_folder import read_spec
from mtl_core.training.predicting import load_predictor, predict
from mtl_core.training.predictions import ModelSource, Sentence
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.run import fine_tune
from mtl_core.training.spec import RunSpec
from mtl_core.training.together.member import Member
from mtl_core.training.together.run import fine_tune_together

LAYERS, WIDTH = 4, 32
VECTORS = ("mean", "pooler")
SIZES = {
    "albert": {"embedding_size": 16},
    "distilbert": {"hidden_dim": 48},
    "electra": {"embedding_size": 16},
    "modernbert": {"bos_token_id": 1, "cls_token_id": 2, "sep_token_id": 3, "eos_token_id": 3},
    "deberta-v2": {"relative_attention": True, "position_buckets": 16}
    | {"pos_att_type": ["p2c", "c2p"]},
}


@pytest.fixture
def deep(make_checkpoint, bench_of, tiny_data):
    return bench_of(make_checkpoint("bert", num_hidden_layers=LAYERS), tiny_data)


@pytest.fixture
def other(request, make_checkpoint, bench_of, tiny_data):
    kind = request.param
    values = {"num_hidden_layers": LAYERS, **SIZES.get(kind, {})}
    return bench_of(make_checkpoint(kind, **values), tiny_data)


def losses(of_run):
    events = list(of_run)
    of_steps = [each.loss for each in events if each.event == "step"]
    evaluations = [each for each in events if each.event == "evaluation"]
    of_tasks = [{name: s.loss for name, s in each.tasks.items()} for each in evaluations]
    return [loss for each in (*of_steps, *of_tasks) for loss in each.values() if loss is not None]


def from_layer(events):
    return [each.prefix.from_layer for each in events if each.event == "phase_started"]


@pytest.mark.parametrize(
    "other",
    ["bert", "albert", "distilbert", "electra", "mpnet", "roberta", "deberta-v2", "modernbert"],
    indirect=True,
)
def test_before_training_heads_read_the_mean_of_the_plain_model(other):
    loaded = load_run(other.spec("full", sentence_vector="mean"))
    plain = AutoModel.from_pretrained(other.checkpoint).eval()
    examples = [each for each in loaded.validation.examples if "sentiment" in each.labels]
    batch = collate(examples, loaded.spec.tasks, loaded.pad_id)
    read = labelled([batch], loaded.spec.tasks, SentenceVector.MEAN)

    with torch.no_grad():
        states = ReusedPrefix(loaded).states_at(batch, read_positions(read))
        hidden = plain(batch.input_ids, batch.attention_mask).last_hidden_state
    found = head_inputs(loaded.model.eval(), states, read)["sentiment"]

    means = [hidden[row, : len(each.input_ids)].mean(0) for row, each in enumerate(examples)]
    assert not batch.attention_mask.all()  # some are padded
    torch.testing.assert_close(found, torch.stack(means), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize(("scenario", "layer"), [("heads-only", LAYERS), ("top-1", LAYERS - 1)])
def test_reuse_changes_no_loss(deep, vector, scenario, layer):
    spec = deep.spec(scenario, epochs=8, sentence_vector=vector)

    reused = deep.run(spec)
    whole = deep.run(spec.model_copy(update={"prefix_reuse": False}))

    assert (from_layer(reused), from_layer(whole)) == ([layer], [None])
    assert losses(reused) == pytest.approx(losses(whole), rel=1e-5, abs=0)


def test_what_one_run_stores_gives_another_the_same_losses(deep, tmp_path):
    store = PrefixStore(tmp_path / "prefixes", 10_000_000)
    spec = deep.spec("heads-only", epochs=4, sentence_vector="mean")

    first = losses(fine_tune(spec, "first", prefixes=store))
    second = losses(fine_tune(spec, "second", prefixes=store))

    assert first == second
    assert len(list((tmp_path / "prefixes").iterdir())) == 1


def test_means_and_first_tokens_are_stored_apart(deep, tmp_path):
    store = PrefixStore(tmp_path / "prefixes", 10_000_000)
    for vector in SentenceVector:
        list(fine_tune(deep.spec("heads-only", sentence_vector=vector), "a run", prefixes=store))

    # the pooler reads the first token
    assert len(list((tmp_path / "prefixes").iterdir())) == 2


def test_heads_alone_store_one_vector_of_a_sentence_without_tags(deep):
    loaded = load_run(deep.spec("heads-only", sentence_vector="mean"))
    apply_phase(loaded.tables[0], loaded.model)
    examples = (*loaded.training, *loaded.validation.examples)
    tagged = {each.input_ids for each in examples if "ner" in each.labels}
    others = {each.input_ids for each in examples} - tagged

    found = ReusedPrefix(loaded).enter(loaded.tables[0])

    assert others
    assert found.stored_bytes == (len(others) + sum(map(len, tagged))) * WIDTH * 4


@pytest.mark.parametrize("vector", VECTORS)
def test_several_sentences_in_one_pass_have_the_gradients_of_each_alone(deep, vector):
    loaded = load_run(deep.spec("full", sentence_vector=vector, head_dropout=0.0))
    apply_phase(loaded.tables[0], loaded.model)
    loaded.model.eval()  # without dropout
    reused = ReusedPrefix(loaded)
    tasks, pad = loaded.spec.tasks, loaded.pad_id
    packed = [collate(loaded.training[n : n + 4], tasks, pad) for n in (0, 4, 8)]
    assert reused.packs

    def gradients(parts):
        loaded.model.zero_grad()
        found = accumulate_gradients(loaded, reused, parts)
        parameters = loaded.model.named_parameters()
        return found, {n: p.grad.clone() for n, p in parameters if p.grad is not None}

    together, ours = gradients(packed)
    whole, expected = gradients([collate(loaded.training, tasks, pad)])

    assert together == pytest.approx(whole, rel=1e-5)
    assert set(ours) == set(expected)
    for name, gradient in expected.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("vector", VECTORS)
def test_runs_trained_together_have_the_losses_of_a_run_alone(deep, vector):
    values = {"epochs": 4, "sentence_vector": vector}
    specs = {f"seed {n}": deep.spec("heads-only", seed=n, **values) for n in (0, 1)}
    members = [Member(name, spec) for name, spec in specs.items()]

    tagged = list(fine_tune_together(members))

    for name, spec in specs.items():
        own = [event for run, event in tagged if run == name]
        assert own[0].spec.trained_together == 2
        assert losses(own) == pytest.approx(losses(fine_tune(spec, name)), abs=1e-6)


def test_only_a_head_on_the_pooler_reaches_it(deep):
    names = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    for vector in SentenceVector:
        (table,) = load_run(deep.spec("full", sentence_vector=vector)).tables
        unreached = {row.name for row in table.rows if row.state == "unreached"}
        assert unreached == (set() if vector is SentenceVector.POOLER else names)


def test_a_trained_pooler_moves_and_no_layer_runs_for_it(deep, tmp_path):
    plan = deep.plan(["heads", "pooler"])
    spec = deep.spec(plan, epochs=8, sentence_vector="pooler")
    start = deep.start()

    end = deep.end(spec, tmp_path / "model")

    moved = {name for name in start if not torch.equal(start[name], end[name])}
    heads = {"classifier.weight", "classifier.bias", "ner.weight", "ner.bias"}
    assert moved == heads | {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    reused = deep.run(spec)
    assert from_layer(reused) == [LAYERS]
    whole = deep.run(spec.model_copy(update={"prefix_reuse": False}))
    assert losses(reused) == pytest.approx(losses(whole), rel=1e-5, abs=0)


@pytest.mark.parametrize("vector", SentenceVector)
def test_a_saved_model_states_its_vector_and_predicts_with_it(deep, tmp_path, vector):
    folder, spec = tmp_path / "model", deep.spec("full", sentence_vector=vector)
    deep.run(spec, folder)

    assert json.loads((folder / "config.json").read_text())["sentence_vector"] == vector
    assert read_spec(folder).sentence_vector is vector
    loaded = load_predictor(ModelSource(spec=read_spec(folder), folder=folder), ANY_FILE)
    assert loaded.model.sentence_vector is vector
    (answer,) = predict(loaded, [Sentence(text="the room was good", words=("the",))])
    tokens = AutoTokenizer.from_pretrained(folder)("the room was good", return_tensors="pt")
    with torch.no_grad():
        output = AutoModel.from_pretrained(folder)(**tokens)
        states = {
            SentenceVector.FIRST_TOKEN: output.last_hidden_state[:, 0],
            SentenceVector.MEAN: output.last_hidden_state.mean(1),
            SentenceVector.POOLER: output.pooler_output,
        }
        logits = loaded.model.classifier(states[vector])
    expected = logits.softmax(-1)[0].tolist()
    found = answer.answers["sentiment"].by_label
    assert list(found.values()) == pytest.approx(expected, abs=1e-6)


def test_a_stored_spec_without_the_field_reads_the_first_token(deep):
    earlier = deep.spec("full").model_dump(mode="json", exclude={"sentence_vector"})
    assert RunSpec.model_validate(earlier).sentence_vector is SentenceVector.FIRST_TOKEN


def test_scores_of_an_evaluation_are_those_of_whole_passes(deep):
    loaded = load_run(deep.spec("full", sentence_vector="mean"))
    encoded, data = loaded.validation.examples, loaded.dataset.validation
    evaluated = evaluate(loaded.model, data, encoded, loaded.spec.tasks, loaded.pad_id)

    model = loaded.model.eval()
    for place, predicted in evaluated.predicted["sentiment"].items():
        ids = torch.tensor([encoded[place].input_ids])
        with torch.no_grad():
            logits = model(ids, torch.ones_like(ids))["sentiment"]
        assert predicted[0] == int(logits.argmax())


def test_a_head_that_was_trained_on_another_vector_is_not_loaded(deep, tmp_path, of):
    before = tmp_path / "before"
    deep.run(deep.spec("heads-only", sentence_vector="first-token"), before)
    notes = {}
    for vector in ("first-token", "mean"):
        spec = deep.spec("heads-only", sentence_vector=vector, starts_from="earlier")
        (started,) = of(list(fine_tune(spec, "a run", start=before)), "run_started")
        notes[vector] = started.notes[0]

    assert notes == {
        "first-token": "Starts from run earlier. Heads loaded: sentiment, ner; new heads: none.",
        "mean": "Starts from run earlier. Heads loaded: ner; new heads: sentiment.",
    }
