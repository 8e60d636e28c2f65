"""The trained model among the downloads of a run's page."""

import io
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel

from mtl_core.cli.entry import run as command
from mtl_core.engine.lab import Lab
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
    lab: Lab, trained: str, tmp_path: Path
) -> None:
    files = [each for each in (tmp_path / "model").rglob("*") if each.is_file()]
    written_bytes = sum(each.stat().st_size for each in files)
    assert f"Trained model as zip: {written_bytes / 1e6:.3f} MB" in labels(trained)
    with zipfile.ZipFile(io.BytesIO(model_of_run(lab, trained, "mine"))) as archive:
        archive.extractall(tmp_path / "taken")
    folder = tmp_path / "taken" / "mine" / "checkpoints" / trained
    loaded = AutoModel.from_pretrained(folder)
    written = load_file(folder / "model.safetensors")
    for name, parameter in loaded.named_parameters():
        found = next(each for key, each in written.items() if key.endswith(name))
        assert torch.equal(parameter, found)


def test_a_model_too_large_to_hand_over_is_left_to_the_command(
    trained: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_popover, "_LARGEST_BYTES", 1000)
    assert not any(label.startswith("Trained model") for label in labels(trained))
