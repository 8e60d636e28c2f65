"""What a run loads, and what it refuses before it begins."""

import json
import re
import shutil

import pytest

from mtl_core.errors import (
    DataError,
    InvalidPlan,
    InvalidRun,
    MissingWeights,
    SelectorMatchesNothing,
    UnknownCheckpoint,
)
from mtl_core.file_access import NO_FILE
from mtl_core.models.base_weights import weights_digest
from mtl_core.models.matrix_products import processor_name
from mtl_core.training.loaded_run import load_run
from mtl_core.training.prepare import prepare_spec

FAR = "the/O food/O was/O very/O good/O in/O oslo/B-LOC"
REVIEWS = [("good food", "positive"), ("bad food", "negative")]


def filled(bench, **values):
    return load_run(bench.spec("heads-only", **values)).spec


def test_the_spec_is_filled_with_digests_tasks_and_versions(bench):
    spec = filled(bench)

    assert spec.weights_digest == weights_digest(bench.checkpoint)
    assert set(spec.data_digests) == {
        "reviews.train.csv",
        "reviews.dev.csv",
        "entities.train.conll",
        "entities.dev.conll",
    }
    assert all(re.fullmatch(r"[0-9a-f]{64}", each) for each in spec.data_digests.values())
    assert spec.tasks == bench.description.tasks
    assert {"freeze-lab", "python", "torch", "transformers", "tokenizers"} <= set(spec.versions)
    assert all(spec.versions.values())
    assert spec.processor == processor_name()


def test_a_spec_that_is_filled_in_stays_as_it_is(bench):
    spec = filled(bench)

    assert load_run(spec).spec == spec


def test_other_weights_than_those_of_the_spec_are_refused(bench):
    with pytest.raises(InvalidRun, match=r"requires other weights of '.*' \(0000\) than"):
        load_run(bench.spec("full", weights_digest="0000"))


def test_other_data_than_those_of_the_spec_are_refused(bench):
    digests = filled(bench).data_digests | {"reviews.dev.csv": "0" * 64}

    with pytest.raises(InvalidRun, match=r"The files of '.*' have changed since this run was"):
        load_run(bench.spec("full", data_digests=digests))


def test_entities_that_are_cut_off_are_noted_by_split_and_task(bench, write_data, notes_of):
    data = str(write_data(REVIEWS, [FAR, "acme/B-ORG"]))

    assert notes_of(load_run(bench.spec("full", data=data, max_length=8))) == (
        "1 entity is cut off in the training data of ner.",
        "1 entity is cut off in the validation data of ner.",
    )
    assert notes_of(load_run(bench.spec("full", data=data, max_length=9))) == ()


def test_tags_that_had_to_be_repaired_are_noted(bench, write_data, notes_of):
    data = str(write_data(REVIEWS, ["anna/B-PER ben/I-PER", "in/O oslo/I-LOC", "rome/B-LOC"]))

    # the same file is both splits
    assert notes_of(load_run(bench.spec("full", data=data))) == (
        "2 tags of ner began an entity with I- and were read as B-.",
    )


def test_examples_limit_a_tasks_training_sentences(bench):
    loaded = load_run(bench.spec("full", examples={"sentiment": 3}))

    assert loaded.dataset.counts()["sentiment"] == {"train": 3, "validation": 4}
    assert len(loaded.training) == 3 + 4
    assert loaded.steps_per_epoch == 2


def test_more_tokens_than_the_model_has_positions_for_are_refused(bench):
    with pytest.raises(InvalidRun, match=r"65 tokens cannot be used\. Choose at least 8 and at mo"):
        load_run(bench.spec("full", max_length=65))


def test_every_position_of_the_model_can_be_used(bench, write_data, of):
    data = write_data(REVIEWS, [" ".join(["the/O"] * 80), "oslo/B-LOC"])

    events = bench.run(bench.spec("full", data=str(data), max_length=64))

    assert of(events, "run_finished")


def test_a_plan_that_does_not_fit_the_model_is_refused(bench):
    with pytest.raises(SelectorMatchesNothing, match=r"'bert\.layer\.\*' in phase 'phase 1'"):
        load_run(bench.spec(bench.plan(["bert.layer.*"])))


def test_a_weight_for_a_task_that_does_not_exist_is_refused(bench):
    with pytest.raises(InvalidPlan, match=r"task_weights names 'nre'.*Did you mean 'ner'\?"):
        load_run(bench.spec(bench.plan(["all"], task_weights={"nre": 1.0})))


def test_a_configuration_without_weights_cannot_be_trained(bench, tmp_path, tiny_checkpoint):
    config = (tiny_checkpoint / "config.json").read_text()
    (tmp_path / "config.json").write_text(config)
    spec = bench.spec("full").model_copy(update={"checkpoint": str(tmp_path)})

    with pytest.raises(MissingWeights, match=r"Copy model\.safetensors next to its config\.json"):
        load_run(spec)


def test_a_checkpoint_that_is_not_there_is_refused(bench, tmp_path):
    spec = bench.spec("full").model_copy(update={"checkpoint": str(tmp_path / "none")})

    with pytest.raises(UnknownCheckpoint, match=r"There is no file or folder"):
        load_run(spec)


def test_a_head_with_the_encoders_prefix_is_refused(bench, write_data):
    manifest = write_data(REVIEWS, ["oslo/B-LOC"])
    content = json.loads(manifest.read_text())
    content["tasks"]["ner"]["head"] = "bert"
    manifest.write_text(json.dumps(content))

    with pytest.raises(InvalidRun, match=r"cannot be called 'bert'"):
        load_run(bench.spec(bench.plan(["heads"]), data=str(manifest)))


def prepared(bench, **values):
    choices = {"checkpoint": "x", "scenario": "full", "data": "sample", "max_length": 32}
    return prepare_spec(bench.description, bench.scenario("full"), **{**choices, **values})


def test_choices_are_joined_into_a_spec(bench):
    spec = prepared(bench, epochs=2.5, seed=7, examples={"ner": 3}, threads=2)

    assert (spec.epochs, spec.seed, spec.examples, spec.threads) == (2.5, 7, {"ner": 3}, 2)
    assert (spec.batch_size, spec.weights_digest) == (16, None)
    assert spec.tasks == bench.description.tasks


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, r"^--epochs 0: input should be greater than 0\.$"),
        ({"epochs": float("nan")}, r"^--epochs nan: "),
        ({"epochs": float("inf")}, r"^--epochs inf: "),
        ({"batch_size": 0}, r"^--batch-size 0: input should be greater than or equal to 1\.$"),
        ({"seed": -1}, r"^--seed -1: input should be greater than or equal to 0\.$"),
        ({"max_length": 65}, r"Choose at least 8 and at most 64 for this checkpoint"),
        ({"examples": {"nerr": 3}}, r"There is no task 'nerr'.*Did you mean 'ner'\?"),
        ({"examples": {"ner": 0}}, r"^--examples-ner 0: input should be greater than or equal"),
    ],
)
def test_a_choice_out_of_range_is_refused_by_the_name_of_its_option(bench, values, message):
    with pytest.raises(InvalidRun, match=message):
        prepared(bench, **values)


def test_a_run_reads_only_files_that_its_access_permits(bench):
    spec = bench.spec("full")
    with pytest.raises(UnknownCheckpoint, match="may not read local paths"):
        load_run(spec, NO_FILE)
    access = NO_FILE.model_copy(update={"checkpoint_roots": (bench.checkpoint.parent,)})
    with pytest.raises(DataError, match="is not allowed here"):
        load_run(spec, access)


def test_how_each_task_was_read_is_noted(bench, write_data):
    loaded = load_run(bench.spec("full", data=str(write_data(REVIEWS, [FAR, "acme/B-ORG"]))))

    assert loaded.notes[-2:] == (
        "sentiment was read as CSV (columns 'text' and 'label' of 2): 2 classes ('negative', "
        "'positive'); 2 + 2 sentences in train and validation.",
        "ner was read as CoNLL columns (word 1 and tag 2 of 2): tags in IOB2 (detected), 2 entity "
        "types ('LOC', 'ORG'); 2 + 2 sentences, 8 + 8 words, 2 + 2 entities in train "
        "and validation.",
    )


def test_words_that_give_no_token_are_noted_with_their_entities(bench, write_data, notes_of):
    data = str(write_data(REVIEWS, ["anna/B-PER \u200b/I-PER said/O", "rome/B-LOC"]))

    assert notes_of(load_run(bench.spec("full", data=data)))[:2] == tuple(
        f"1 word has no token with this tokenizer in the {split} data of ner; 1 entity with such "
        "a word cannot be found."
        for split in ("training", "validation")
    )


def test_a_tokenizer_without_special_tokens_is_noted_where_heads_read_the_first_token(
    bench, tiny_checkpoint, tmp_path, notes_of
):
    folder = tmp_path / "plain"
    shutil.copytree(tiny_checkpoint, folder)
    keys = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    keys["post_processor"] = None
    (folder / "tokenizer.json").write_text(json.dumps(keys), encoding="utf-8")
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")

    def notes(vector):
        spec = bench.spec("full", sentence_vector=vector)
        return notes_of(load_run(spec.model_copy(update={"checkpoint": str(folder)})))

    assert notes("mean") == ()
    assert notes("first-token") == (
        "sentiment: the tokenizer puts no special token first, so the sentence vector (first "
        "token) is that of the first word.",
    )
