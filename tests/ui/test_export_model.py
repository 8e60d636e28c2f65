"""The trained model among the downloads of a run's page."""

import io
import json
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from mtl_core.cli.entry import run as command
from mtl_core.engine.lab import Lab
from mtl_core.file_access import ANY_FILE
from mtl_core.models.base_weights import base_of, write_base
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.stored_tensors import equal_tensors
from mtl_core.text import bytes_text
from mtl_core.training.output_folder import read_record, record_text
from mtl_core.ui.shared import export_popover
from mtl_core.ui.shared.export_popover import model_of_run
from tests.visiting import visited

SHORT = ("--epochs=0.1", "--max-length=16", "--batch-size=32", "--scenario=top-1")


@pytest.fixture
def trained(lab: Lab, tiny_checkpoint: Path, tmp_path: Path) -> str:
    """A run that wrote its model."""
    output = f"--output={tmp_path / 'model'}"
    assert command(["train", f"--checkpoint={tiny_checkpoint}", *SHORT, output]) == 0
    return lab.store.runs()[0].id


def labels(run: str) -> list[str]:
    return [each.label for each in visited("train", run=run).get("download_button")]


def test_a_runs_page_gives_its_model_and_transformers_loads_it(
    lab: Lab, trained: str, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(io.BytesIO(model_of_run(lab, trained, "mine"))) as archive:
        archive.extractall(tmp_path / "taken")
    folder = tmp_path / "taken" / "mine" / "checkpoints" / trained
    files = {each.name: each.stat().st_size for each in folder.iterdir()}
    label = f"Trained model as zip: {bytes_text(sum(files.values()))}"
    assert label in labels(trained)
    record = "freeze_lab.json"  # the only one that differs: it has no path of this machine
    for name in files.keys() - {record}:
        assert (folder / name).read_bytes() == (tmp_path / "model" / name).read_bytes()
    assert str(tiny_checkpoint) not in (folder / record).read_text(encoding="utf-8")
    loaded = AutoModel.from_pretrained(folder)
    written = load_file(folder / "model.safetensors")
    for name, parameter in loaded.named_parameters():
        found = next(each for key, each in written.items() if key.endswith(name))
        assert torch.equal(parameter, found)


def test_a_model_of_the_dashboard_is_completed_to_the_bit(
    lab: Lab, trained: str, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    folder, weights = tmp_path / "model", tmp_path / "model" / "model.safetensors"
    whole, tensors = weights.read_bytes(), load_file(weights)
    shared = equal_tensors(tiny_checkpoint, tensors, "bert")
    weights.unlink()
    learned = {name: each for name, each in tensors.items() if name not in shared}
    save_file(learned, folder / "learned.safetensors", metadata={"format": "pt"})
    write_base(folder, base_of(resolve_checkpoint(str(tiny_checkpoint), ANY_FILE), shared))
    record = read_record(folder)
    before = dict(record["files"])
    del record["files"]["model.safetensors"]
    (folder / "freeze_lab.json").write_text(record_text(record), encoding="utf-8")

    page = visited("train", run=trained)
    (label,) = [each.label for each in page.get("download_button") if "model" in each.label]
    command = f"`freeze-lab export {trained} --what checkpoint --output {trained}`"
    assert any(command in each.value for each in page.markdown)
    with zipfile.ZipFile(io.BytesIO(model_of_run(lab, trained, "mine"))) as archive:
        inside = f"mine/checkpoints/{trained}/"
        files = {each.filename.removeprefix(inside): each.file_size for each in archive.infolist()}
        assert archive.read(f"{inside}model.safetensors") == whole
        assert json.loads(archive.read(f"{inside}freeze_lab.json"))["files"] == before
    assert label == f"Trained model as zip: {bytes_text(sum(files.values()))}"
    assert not {"base.json", "learned.safetensors"} & files.keys()


def test_a_model_too_large_to_hand_over_is_left_to_the_command(
    trained: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_popover, "LARGEST_BYTES", 1000)
    assert not any(label.startswith("Trained model") for label in labels(trained))
