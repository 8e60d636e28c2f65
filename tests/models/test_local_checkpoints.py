"""Checkpoints in the configured folders, given by their names."""

import shutil
from pathlib import Path

import pytest

from mtl_core.errors import UnknownCheckpoint
from mtl_core.file_access import ANY_FILE, FileAccess
from mtl_core.models.checkpoint import require_weights, resolve_checkpoint
from mtl_core.models.local_checkpoints import local_checkpoints, local_folder


@pytest.fixture
def root(tiny_checkpoint: Path, tmp_path: Path) -> Path:
    """A folder with a checkpoint that is ready, and others that are not."""
    root = tmp_path / "checkpoints"
    for name in ("ready", "team/nested", "no-weights", "pickle", "no-tokenizer", "incomplete"):
        shutil.copytree(tiny_checkpoint, root / name)
    for name in ("no-weights", "pickle", "incomplete"):
        (root / name / "model.safetensors").unlink()
    (root / "pickle" / "pytorch_model.bin").write_bytes(b"")
    for name in ("tokenizer.json", "vocab.txt"):
        (root / "no-tokenizer" / name).unlink()
    index = '{"weight_map": {"a": "model-00001-of-00002.safetensors"}}'
    (root / "incomplete" / "model.safetensors.index.json").write_text(index)
    (root / ".cache").mkdir()
    shutil.copytree(tiny_checkpoint, root / ".cache" / "hidden")
    (root / "notes").mkdir()
    return root


def test_each_checkpoint_is_listed_with_the_reason_why_it_cannot_be_trained(root: Path) -> None:
    assert {each.name: each.problem for each in local_checkpoints((root,))} == {
        "ready": None,
        "team/nested": None,
        "no-weights": "no weights",
        "pickle": "weights as pickle only",
        "no-tokenizer": "no tokenizer",
        "incomplete": "weights incomplete",
    }


def test_a_configured_folder_may_be_a_checkpoint_itself(tiny_checkpoint: Path) -> None:
    assert [each.name for each in local_checkpoints((tiny_checkpoint,))] == ["tiny-bert"]
    assert local_folder("tiny-bert", (tiny_checkpoint,)) == tiny_checkpoint


@pytest.mark.parametrize("name", ["ready", "team/nested"])
def test_the_name_alone_is_enough(root: Path, name: str) -> None:
    for roots in ((root,), None):
        access = FileAccess(data_roots=(), checkpoint_roots=roots, checkpoint_folders=(root,))
        checkpoint = resolve_checkpoint(name, access)
        assert (checkpoint.name, require_weights(checkpoint)) == (name, root / name)


@pytest.mark.parametrize("name", ["..", "../checkpoints/ready", "ready/../ready", "", "notes"])
def test_a_name_leads_nowhere_else(root: Path, name: str) -> None:
    assert local_folder(name, (root,)) is None


def test_a_link_to_a_folder_outside_is_neither_listed_nor_found(
    root: Path, tiny_checkpoint: Path
) -> None:
    (root / "linked").symlink_to(tiny_checkpoint)
    assert "linked" not in {each.name for each in local_checkpoints((root,))}
    assert local_folder("linked", (root,)) is None


def test_a_catalogue_name_is_never_a_local_folder(root: Path, tiny_checkpoint: Path) -> None:
    shutil.copytree(tiny_checkpoint, root / "minilm-l6")
    access = ANY_FILE.model_copy(update={"checkpoint_folders": (root,)})
    assert resolve_checkpoint("minilm-l6", access).entry == "minilm-l6"


def test_weights_of_the_catalogue_are_found_in_a_configured_folder(
    root: Path, tiny_checkpoint: Path
) -> None:
    shutil.copytree(tiny_checkpoint, root / "bert-base-uncased")
    access = ANY_FILE.model_copy(update={"checkpoint_folders": (root,)})
    checkpoint = resolve_checkpoint("bert-base-uncased", access)
    assert (checkpoint.entry, checkpoint.folder) == (
        "bert-base-uncased",
        root / "bert-base-uncased",
    )
    assert resolve_checkpoint("bert-base-uncased", ANY_FILE).folder is None


def test_a_misspelled_name_is_answered_with_the_nearest_one(root: Path) -> None:
    access = FileAccess(data_roots=(), checkpoint_roots=(root,), checkpoint_folders=(root,))
    with pytest.raises(UnknownCheckpoint, match=r"Nearest: .*ready"):
        resolve_checkpoint("redy", access)
