"""What a finished run leaves behind, and what an unfinished one does not."""

import json
from pathlib import Path

import pytest
import torch

from mtl_core.errors import DataError, OutputNotEmpty
from mtl_core.freezing.plan_file import read_plan
from mtl_core.training.output_folder import atomic_folder, require_empty
from mtl_core.training.run import fine_tune


@pytest.fixture(scope="module")
def finished(bench, tmp_path_factory):
    """A run of `full` that wrote: its spec, its events and its folder."""
    folder = tmp_path_factory.mktemp("finished") / "deep" / "output"
    spec = bench.spec("full")
    return spec, bench.run(spec, folder), folder


def test_transformers_loads_the_trained_backbone_bit_for_bit(finished, written):
    from transformers import AutoModel

    folder = finished[2]
    model, report = AutoModel.from_pretrained(folder, output_loading_info=True)

    assert not report["missing_keys"]
    assert not report["mismatched_keys"]
    assert set(report["unexpected_keys"]) == {
        "classifier.weight",
        "classifier.bias",
        "ner.weight",
        "ner.bias",
    }
    tensors = written(folder)
    assert len(model.state_dict()) == len(tensors) - 4
    assert all(
        torch.equal(each, tensors[f"bert.{name}"]) for name, each in model.state_dict().items()
    )


def test_the_written_model_has_learned(bench, finished, written, moved):
    assert "bert.encoder.layer.0.output.dense.weight" in moved(bench.start(), written(finished[2]))


def test_transformers_loads_the_tokenizer(finished, tiny_checkpoint):
    from transformers import AutoTokenizer

    before, after = (
        AutoTokenizer.from_pretrained(folder) for folder in (tiny_checkpoint, finished[2])
    )

    text = "Anna said the films in Oslo"
    assert after(text)["input_ids"] == before(text)["input_ids"]


def test_the_plan_is_written_as_a_plan_file(finished):
    spec, _, folder = finished

    assert read_plan(folder / "plan.yaml") == spec.plan


def test_labels_metrics_and_the_whole_spec_are_written_beside_the_model(finished, of):
    _, events, folder = finished
    record = json.loads((folder / "freeze_lab.json").read_text(encoding="utf-8"))

    assert record["labels"] == {
        "sentiment": {"head": "classifier", "outputs": ["negative", "positive"]},
        "ner": {"head": "ner", "outputs": ["O", "B-LOC", "B-ORG", "B-PER"]},
    }
    (end,) = of(events, "run_finished")
    assert record["metrics"] == {task: score.model_dump() for task, score in end.metrics.items()}
    (begin,) = of(events, "run_started")
    assert record["spec"] == begin.spec.model_dump(mode="json")


def test_the_run_says_where_it_wrote(finished, of):
    _, events, folder = finished

    assert of(events, "run_finished")[0].output == str(folder)


def test_a_run_without_an_output_says_so(bench, of):
    assert of(bench.run(bench.spec("frozen")), "run_finished")[0].output is None


def test_a_finished_run_is_a_checkpoint_for_the_next(bench_of, finished, tiny_data, of):
    bench = bench_of(finished[2], tiny_data)

    start = bench.start()

    assert torch.equal(
        start["bert.encoder.layer.0.output.dense.weight"],
        bench.model().bert.encoder.layer[0].output.dense.weight,
    )
    assert of(bench.run(bench.spec("heads-only")), "run_finished")


def test_nothing_but_the_folder_is_left_beside_it(finished):
    folder = finished[2]

    assert [each.name for each in folder.parent.iterdir()] == ["output"]
    assert {each.name for each in folder.iterdir()} >= {
        "config.json",
        "freeze_lab.json",
        "model.safetensors",
        "plan.yaml",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_an_empty_folder_that_exists_is_written_into(bench, tmp_path, written):
    (tmp_path / "output").mkdir()

    bench.run(bench.spec("frozen"), tmp_path / "output")

    assert "ner.weight" in written(tmp_path / "output")


def test_the_working_folder_can_be_the_output(bench, tmp_path, monkeypatch, written):
    (tmp_path / "output").mkdir()
    monkeypatch.chdir(tmp_path / "output")

    bench.run(bench.spec("frozen"), Path())

    assert "ner.weight" in written(tmp_path / "output")


def test_a_folder_that_holds_something_is_refused_before_anything_is_loaded(bench, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    spec = bench.spec("full").model_copy(update={"checkpoint": str(tmp_path / "no such place")})

    with pytest.raises(OutputNotEmpty, match=r"is not empty; name a new folder, or empty it"):
        next(fine_tune(spec, "a run", tmp_path))

    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")

    with pytest.raises(OutputNotEmpty, match=r"mine\.txt is a file; --output takes a folder"):
        require_empty(tmp_path / "mine.txt")


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")

    with pytest.raises(OutputNotEmpty, match=r"mine\.txt is a file; --output takes a folder"):
        require_empty(tmp_path / "mine.txt" / "a" / "b")


def test_a_run_that_fails_leaves_no_folder(bench, tmp_path):
    spec = bench.spec("full", data=str(tmp_path / "none.yaml"))

    with pytest.raises(DataError, match=r"There are no data called"):
        bench.run(spec, tmp_path / "output")

    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_leaves_no_half_written_folder(tmp_path):
    def write_half():
        with atomic_folder(tmp_path / "output") as folder:
            (folder / "model.safetensors").write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half()

    assert list(tmp_path.iterdir()) == []


def test_the_folder_appears_only_when_it_is_whole(tmp_path):
    with atomic_folder(tmp_path / "output") as folder:
        (folder / "model.safetensors").write_text("whole")
        assert not (tmp_path / "output").exists()

    assert (tmp_path / "output" / "model.safetensors").read_text() == "whole"
    assert (tmp_path / "output").stat().st_mode & 0o777 == 0o755
