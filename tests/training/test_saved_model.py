"""What the dashboard saves of a run: the tensors that differ from the checkpoint's."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtl_core.errors import DamagedCheckpoint, FreezeBroken, MissingWeights
from mtl_core.export.model_files import model_files
from mtl_core.file_access import ANY_FILE
from mtl_core.models.base_weights import weights_digest
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.stored_tensors import all_tensors
from mtl_core.models.weights import files_digest
from mtl_core.report.portable import PathNames
from mtl_core.store.model_folder import saved_model
from mtl_core.training.loaded_run import load_run
from mtl_core.training.output_folder import read_spec, require_as_written, write_model
from mtl_core.training.predicting import load_predictor, predict
from mtl_core.training.predictions import ModelSource, Sentence
from mtl_core.training.proof import require_written
from mtl_core.training.run import fine_tune
from mtl_core.training.start import start_folder
from mtl_core.training.together.member import Member
from mtl_core.training.together.run import fine_tune_together

NAMES = PathNames(())
HEADS = {"classifier.weight", "classifier.bias", "ner.weight", "ner.bias"}


def of_dashboard(spec, folder, start=None):
    """The events of a run of the dashboard, without measures."""
    spec = spec.model_copy(update={"measure": False})
    return list(fine_tune(spec, "a run", folder, start=start, whole_model=False))


def saved(spec, folder):
    """The last event of a run of the dashboard."""
    return of_dashboard(spec, folder)[-1]


def learned(folder):
    return set(load_file(folder / "learned.safetensors"))


@pytest.fixture(scope="module")
def own_bench(bench_of, tiny_checkpoint, tiny_data, tmp_path_factory):
    """A bench on a checkpoint that tests may change, if they put it back."""
    folder = tmp_path_factory.mktemp("own") / "checkpoint"
    shutil.copytree(tiny_checkpoint, folder)
    return bench_of(folder, tiny_data)


@pytest.fixture(scope="module")
def heads(own_bench, tmp_path_factory):
    """A heads-only run: its folder, its last event, and the folder of the same run, whole."""
    folder = tmp_path_factory.mktemp("heads")
    spec = own_bench.spec("heads-only", measure=False)
    end = saved(spec, folder / "run")
    own_bench.run(spec, folder / "whole")
    return folder / "run", end, folder / "whole"


def exported(folder, target):
    target.mkdir()
    for file in model_files(folder, NAMES):
        (target / file.path).write_bytes(b"".join(file.pieces()))
        assert (target / file.path).stat().st_size == file.size_bytes
    return target


def test_a_heads_only_run_writes_its_heads_and_refers_to_the_checkpoint(own_bench, heads):
    folder, end, whole = heads
    assert learned(folder) == HEADS
    assert not (folder / "model.safetensors").exists()
    base = json.loads((folder / "base.json").read_text())
    assert base["folder"] == str(own_bench.checkpoint)
    assert base["digest"] == files_digest(own_bench.checkpoint)
    assert base["tensors"]["bert.pooler.dense.bias"] == "pooler.dense.bias"
    assert (end.frozen_tensors, end.frozen_in_checkpoint, end.frozen_identical) == (39, 39, True)
    assert weights_digest(folder) == weights_digest(whole)


def test_the_export_is_the_folder_that_train_writes(heads, tmp_path):
    folder, _, whole = heads
    target = exported(folder, tmp_path / "exported")
    assert {file.name for file in target.iterdir()} == {file.name for file in whole.iterdir()}
    for file in whole.iterdir():
        if file.name != "freeze_lab.json":
            assert (target / file.name).read_bytes() == file.read_bytes(), file.name
    ours, theirs = (json.loads((each / "freeze_lab.json").read_text()) for each in (target, whole))
    assert list(ours["files"].items()) == list(theirs["files"].items())
    assert require_as_written(target)


def test_predictions_are_those_of_the_whole_model(own_bench, heads):
    folder, _, whole = heads
    spec, sentences = own_bench.spec("heads-only"), [Sentence.typed("the food in oslo was good")]
    one, other = (
        predict(load_predictor(ModelSource(spec=spec, folder=each), ANY_FILE), sentences)
        for each in (folder, whole)
    )
    assert one == other


def test_a_frozen_layer_is_read_from_the_checkpoint_and_a_trained_one_is_written(
    bench, tmp_path, moved
):
    end = saved(bench.spec("top-1"), tmp_path / "run")
    names = learned(tmp_path / "run")
    assert {name.split(".")[3] for name in names - HEADS} == {"1"}
    assert names == moved(bench.start(), all_tensors(tmp_path / "run"))
    assert end.frozen_in_checkpoint == end.frozen_tensors


@pytest.mark.parametrize(
    ("scenario", "values"), [("full", {}), ("heads-only", {"random_backbone": True})]
)
def test_a_model_that_shares_little_with_its_checkpoint_is_written_whole(
    bench, tmp_path, scenario, values
):
    end = saved(bench.spec(scenario, **values), tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert not (tmp_path / "run" / "base.json").exists()
    assert end.frozen_in_checkpoint == 0


def test_only_a_lasting_folder_with_weights_in_float32_is_a_base(
    bench, heads, changed_checkpoint, tmp_path
):
    """Runs are deleted; half precision would have to be converted when the model is read."""
    half = changed_checkpoint(
        lambda tensors: tensors.update({name: each.half() for name, each in tensors.items()})
    )
    loaded = load_run(bench.spec("heads-only"))
    folders = {"checkpoint": bench.checkpoint, "run": heads[0], "whole run": heads[2], "half": half}
    for name, folder in folders.items():
        (tmp_path / name).mkdir()
        base = resolve_checkpoint(str(folder), ANY_FILE)
        write_model(tmp_path / name, loaded.model, loaded.tokenizer, loaded.spec, {}, base)
    bases = {name for name in folders if (tmp_path / name / "base.json").exists()}
    assert bases == {"checkpoint"}
    assert learned(tmp_path / "checkpoint") == HEADS
    assert {len(all_tensors(tmp_path / name)) for name in folders} == {43}


def test_runs_that_are_trained_together_write_their_heads(own_bench, tmp_path):
    specs = [own_bench.spec("heads-only", seed=seed, measure=False) for seed in (1, 2)]
    members = [
        Member(str(n), spec, tmp_path / str(n), whole_model=False) for n, spec in enumerate(specs)
    ]
    ends = [each for _, each in fine_tune_together(members) if each.event == "run_finished"]
    assert [each.frozen_in_checkpoint for each in ends] == [39, 39]
    assert learned(tmp_path / "0") == learned(tmp_path / "1") == HEADS


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_second_stage_does_not_need_the_model_of_the_first(
    own_bench, heads, tmp_path, of, is_whole
):
    first = tmp_path / "first"
    shutil.copytree(heads[2 if is_whole else 0], first)
    spec = own_bench.spec("top-1", starts_from="first", prefix_reuse=False)
    events = of_dashboard(spec, tmp_path / "run", first)
    assert of(events, "evaluation")[0].tasks == heads[1].metrics
    assert of(events, "run_started")[0].spec.weights_digest == weights_digest(heads[2])
    before = all_tensors(tmp_path / "run")
    shutil.rmtree(first)
    after = all_tensors(tmp_path / "run")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert load_predictor(ModelSource(spec=spec, folder=tmp_path / "run"), ANY_FILE)


def test_a_changed_checkpoint_is_refused_by_every_reader(own_bench, heads):
    folder, _, _ = heads
    weights = own_bench.checkpoint / "model.safetensors"
    original, spec = weights.read_bytes(), own_bench.spec("full", starts_from="first")
    try:
        weights.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        with pytest.raises(DamagedCheckpoint, match="'checkpoint', whose weights have changed"):
            load_predictor(ModelSource(spec=spec, folder=folder), ANY_FILE)
        with pytest.raises(DamagedCheckpoint, match="'checkpoint', whose weights have changed"):
            start_folder(spec, None, folder)
        with pytest.raises(DamagedCheckpoint, match="'checkpoint', whose weights have changed"):
            b"".join(next(model_files(folder, NAMES)).pieces())
        weights.unlink()
        with pytest.raises(MissingWeights, match="train the run again"):
            list(model_files(folder, NAMES))
        problem = saved_model("first", read_spec(folder), heads[1])
        assert str(problem).startswith("The model of run 'first' is incomplete. ")
    finally:
        weights.write_bytes(original)


def test_the_proof_compares_what_is_read_from_the_checkpoint(own_bench, heads, tmp_path):
    """The reference fits, and a tensor in the checkpoint is not the one before training."""
    folder, changed = tmp_path / "run", tmp_path / "changed"
    shutil.copytree(heads[0], folder)
    shutil.copytree(own_bench.checkpoint, changed)
    tensors = load_file(changed / "model.safetensors")
    tensors["encoder.layer.0.output.dense.bias"][3] += 1
    save_file(tensors, changed / "model.safetensors")
    base = json.loads((folder / "base.json").read_text())
    base |= {"folder": str(changed), "digest": files_digest(changed)}
    (folder / "base.json").write_text(json.dumps(base))
    names = [name for name in all_tensors(folder) if name.startswith("bert.")]
    with pytest.raises(FreezeBroken, match=r"1 of 39 .*: bert\.encoder\.layer\.0\.output\.dense"):
        require_written(folder, dict.fromkeys(names, ""), "bert", own_bench.checkpoint)
