"""`export`: its exit codes, and that what it writes loads. `test_repeat` repeats the runs."""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(train: Command, tmp_path: Path) -> str:
    """A run that really trained on the tiny checkpoint, and wrote its model."""
    answer = train(
        *("--scenario", "top-1", "--epochs", 0.7, "--batch-size", 4, "--seed", 3),
        *("--head-learning-rate", 0.002, "--output", tmp_path / "model", "--format", "jsonl"),
    )
    assert answer.code == 0, answer.err
    return str(answer.events[0]["run"])


def test_export_writes_everything_and_says_where(
    command: Command, run: str, tmp_path: Path
) -> None:
    answer = command("export", run, "--output", tmp_path / "out")
    assert answer.code == 0, answer.err
    data, checkpoint = answer.err.splitlines()
    assert data.startswith("The data that repeat.sh needs are not included: manifest.yaml (8 + 4 ")
    assert checkpoint.startswith("The checkpoints that repeat.sh needs are not included: tiny-bert")
    assert answer.out.startswith("Finished: sentiment ")
    assert answer.out.endswith(f"Written to {tmp_path / 'out'}\n")
    names = {each.name for each in (tmp_path / "out").iterdir()}
    assert names == {"note.html", "note.md", "figures", "tables", "runs", "checkpoints"}
    assert (tmp_path / "out" / "tables" / "confusion.csv").is_file()
    assert "## Prediction errors" in (tmp_path / "out" / "note.md").read_text(encoding="utf-8")


def test_the_copied_checkpoint_loads_and_is_the_one_the_run_wrote(
    command: Command, run: str, tmp_path: Path
) -> None:
    from transformers import AutoModel

    answer = command("export", run, "--output", tmp_path / "out", "--what", "checkpoint")
    assert answer.code == 0, answer.err
    copied = tmp_path / "out" / "checkpoints" / run
    assert {each.name for each in (tmp_path / "out").iterdir()} == {"checkpoints"}
    weights = "model.safetensors"
    assert (copied / weights).read_bytes() == (tmp_path / "model" / weights).read_bytes()
    assert AutoModel.from_pretrained(copied).config.num_hidden_layers == 2


def test_no_file_of_an_export_has_a_path_of_this_machine(
    command: Command, run: str, tiny_checkpoint: Path, tiny_data: Path, tmp_path: Path
) -> None:
    assert command("export", run, "--output", tmp_path / "out").code == 0
    files = [each for each in (tmp_path / "out").rglob("*") if each.is_file()]
    folders = (tempfile.gettempdir(), sys.prefix, ROOT, Path.home())
    for folder in (tiny_checkpoint.parent, tiny_data.parent, tmp_path, *folders):
        found = [each.name for each in files if f"{folder}/".encode() in each.read_bytes()]
        assert found == [], folder
    spec = json.loads((tmp_path / "out" / "runs" / run / "spec.json").read_text())
    assert (spec["checkpoint"], spec["data"]) == ("./tiny-bert", f"./{tiny_data.name}")


def test_a_missing_or_different_model_is_reported_and_not_copied(
    command: Command, run: str, tmp_path: Path
) -> None:
    record = tmp_path / "model" / "freeze_lab.json"
    told = json.loads(record.read_text(encoding="utf-8"))
    told["spec"]["seed"] = 4
    record.write_text(json.dumps(told), encoding="utf-8")
    answer = command("export", run, "--output", tmp_path / "out")
    assert answer.code == 0
    assert answer.err.splitlines()[0] == (
        f"{tmp_path / 'model'} contains another model than that of run '{run}'. Run it again."
    )
    assert not (tmp_path / "out" / "checkpoints").exists()
    (tmp_path / "model" / "model.safetensors").unlink()
    answer = command("export", run, "--output", tmp_path / "more", "--what", "checkpoint")
    assert answer.code == 2
    assert f"The model of run '{run}' is no longer at {tmp_path / 'model'}." in answer.err
    assert not (tmp_path / "more").exists()


def test_bad_input_to_export_is_refused_in_one_message(
    refused: Callable[..., str], run: str, tmp_path: Path
) -> None:
    out = ("--output", tmp_path / "out")
    assert f"Nearest: {run}" in refused("export", f"{run}x", *out)
    assert "is not empty" in refused("export", run, "--output", tmp_path / "model")
    assert "Missing argument 'RUN'" in refused("export", *out)
    assert "Missing option '--output'" in refused("export", run)
    assert "'pdf' is not one of 'note'" in refused("export", run, *out, "--what", "pdf")
    assert not (tmp_path / "out").exists()
