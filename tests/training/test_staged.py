"""A run that starts from the model of another run."""

import json
import shutil

import pytest
import torch

from mtl_core.errors import DamagedCheckpoint, InvalidRun
from mtl_core.models.base_weights import weights_digest
from mtl_core.training.loaded_run import load_run
from mtl_core.training.run import fine_tune


@pytest.fixture
def first(bench, tmp_path):
    folder = tmp_path / "first"
    return folder, bench.run(bench.spec("full"), folder)


def go_on(bench, folder, scenario, output=None, **values):
    spec = bench.spec(scenario, starts_from="first", **values)
    return list(fine_tune(spec, "second", output, start=folder))


@pytest.mark.parametrize("scenario", ["full", "heads-only", "freeze-head:ner"])
def test_the_first_evaluation_is_the_last_of_the_stage_before(bench, first, of, scenario):
    folder, events = first
    last, second = of(events, "evaluation")[-1], go_on(bench, folder, scenario, prefix_reuse=False)

    assert of(second, "evaluation")[0].tasks == last.tasks


def test_a_frozen_head_and_layer_are_written_bit_for_bit_as_the_stage_before_wrote_them(
    bench, first, tmp_path, written, moved, of
):
    folder, _ = first
    plan = bench.plan(["head:sentiment", "layer:1"])
    events = go_on(bench, folder, plan, tmp_path / "second")

    changed = moved(written(folder), written(tmp_path / "second"))
    assert {name for name in changed if not name.startswith("bert.encoder.layer.1.")} == {
        "classifier.weight",
        "classifier.bias",
    }
    still = len(written(folder)) - len(changed)
    assert of(events, "run_finished")[0].frozen_tensors == still


def test_the_spec_holds_the_digest_of_the_start_and_is_refused_on_another(bench, first):
    folder, _ = first
    spec = load_run(bench.spec("full", starts_from="first"), earlier=folder).spec

    assert spec.weights_digest == weights_digest(folder) != weights_digest(bench.checkpoint)
    assert load_run(spec, earlier=folder).spec == spec
    with pytest.raises(InvalidRun, match=r"requires other weights of"):
        load_run(spec.model_copy(update={"weights_digest": "0" * 64}), earlier=folder)


def test_a_head_with_other_labels_is_initialised_again(bench, first, write_data, notes_of):
    folder, _ = first
    rows = [("good food", "up"), ("bad food", "down")]
    data = str(write_data(rows, ["anna/B-PER in/O oslo/B-LOC", "acme/B-ORG"]))

    loaded = load_run(bench.spec("full", starts_from="first", data=data), earlier=folder)

    assert notes_of(loaded) == ("Starts from run first. Heads loaded: ner; new heads: sentiment.",)
    assert torch.equal(loaded.model.classifier.weight, bench.model().classifier.weight)
    assert not torch.equal(loaded.model.ner.weight, bench.model().ner.weight)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_file_that_changed_since_the_run_wrote_it_is_refused(bench, first, name):
    folder, _ = first
    spec = bench.spec("full", starts_from="first")
    file = folder / name
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    with pytest.raises(DamagedCheckpoint, match=rf"first/{name} was changed or damaged since its"):
        load_run(spec, earlier=folder)
    file.unlink()
    with pytest.raises(DamagedCheckpoint, match=rf"first lacks {name}, which the run wrote"):
        load_run(spec, earlier=folder)
    file.write_bytes(content)
    assert load_run(spec, earlier=folder).source == folder


def test_a_model_of_an_earlier_version_is_not_checked_and_a_note_says_so(bench, first, notes_of):
    folder, _ = first
    record = json.loads((folder / "freeze_lab.json").read_text())
    names = {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
    assert record.pop("files").keys() == names
    (folder / "freeze_lab.json").write_text(json.dumps(record))

    loaded = load_run(bench.spec("full", starts_from="first"), earlier=folder)

    assert notes_of(loaded)[1] == (
        "It cannot be checked whether the files of that run have changed since: an earlier version "
        "wrote them, without digests."
    )


def test_what_does_not_fit_is_refused(bench, first, tmp_path):
    folder, _ = first
    spec = bench.spec("full", starts_from="first")
    with pytest.raises(
        InvalidRun, match=r"The model of run 'first' is not on this machine\. Run it again\."
    ):
        load_run(spec)
    with pytest.raises(InvalidRun, match=r"cannot have a random encoder too"):
        load_run(spec.model_copy(update={"random_backbone": True}), earlier=folder)
    other = tmp_path / "other"
    shutil.copytree(bench.checkpoint, other)
    with pytest.raises(InvalidRun, match=r"trained '.*tiny-bert', this one trains '.*other'"):
        load_run(spec.model_copy(update={"checkpoint": str(other)}), earlier=folder)
