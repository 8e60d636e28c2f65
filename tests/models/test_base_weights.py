"""Weight files without the tensors that are those of the checkpoint."""

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtl_core.errors import DamagedCheckpoint, MissingWeights
from mtl_core.file_access import ANY_FILE
from mtl_core.models.base_weights import (
    Base,
    base_folder,
    base_of,
    read_base,
    weights_digest,
    whole_file,
    whole_file_bytes,
    write_base,
)
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint
from mtl_core.models.load import load_backbone
from mtl_core.models.stored_tensors import all_tensors, equal_tensors, stored_types
from mtl_core.models.weights import files_digest

QUERY = "encoder.layer.1.attention.self.query.weight"


def with_prefix(tensors):
    return {f"bert.{name}": each for name, each in tensors.items()}


@pytest.fixture
def split(tiny_checkpoint, tmp_path):
    """A folder with a changed tensor, a head and a counter, its base, and the file of both."""
    base = tmp_path / "base"
    shutil.copytree(tiny_checkpoint, base)
    tensors = with_prefix(load_file(base / "model.safetensors"))
    tensors[f"bert.{QUERY}"] = tensors[f"bert.{QUERY}"] + 1
    tensors |= {"head.weight": torch.ones(2, 3), "é.half": torch.ones(3, dtype=torch.float16)}
    tensors |= {"steps": torch.tensor([4]), "mask": torch.tensor([True, False, True])}
    save_file(tensors, tmp_path / "whole.safetensors", metadata={"format": "pt"})
    shared = equal_tensors(base, tensors, "bert")
    folder = tmp_path / "run"
    folder.mkdir()
    learned = {name: each for name, each in tensors.items() if name not in shared}
    save_file(learned, folder / "learned.safetensors", metadata={"format": "pt"})
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, folder)
    write_base(folder, base_of(resolve_checkpoint(str(base), ANY_FILE), shared))
    return folder, base, tmp_path / "whole.safetensors"


def test_the_merged_file_is_the_one_that_safetensors_writes(split):
    folder, base, whole = split
    merged = b"".join(whole_file(folder))
    assert merged == whole.read_bytes()
    assert whole_file_bytes(folder) == len(merged)
    assert weights_digest(folder) == hashlib.sha256(merged).hexdigest()
    assert set(load_file(folder / "learned.safetensors")) == {
        *(f"bert.{QUERY}", "head.weight", "é.half", "steps", "mask"),
    }
    assert read_base(folder).digest == files_digest(base)


def test_every_reader_of_tensors_finds_all_of_them(split):
    folder, _, whole = split
    expected, found = load_file(whole), all_tensors(folder)
    assert found.keys() == stored_types(folder).keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_encoder_is_loaded_as_from_the_whole_file(split, tmp_path):
    folder, _, whole = split
    together = tmp_path / "together"
    shutil.copytree(folder, together, ignore=shutil.ignore_patterns("learned*", "base.json"))
    shutil.copy(whole, together / "model.safetensors")
    one, other = (
        load_backbone(resolve_checkpoint(str(each), ANY_FILE)) for each in (folder, together)
    )
    assert type(one) is type(other)
    assert one.state_dict().keys() == other.state_dict().keys()
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    assert has_weights(resolve_checkpoint(str(folder), ANY_FILE))


def test_a_base_that_has_gone_or_changed_is_named_with_its_digest(split):
    folder, base, _ = split
    digest = files_digest(base)
    kept = base.rename(base.with_name("elsewhere"))
    with pytest.raises(
        MissingWeights, match=rf"'base', whose weights are no longer at .*base\. .*SHA-256 {digest}"
    ):
        all_tensors(folder)
    kept.rename(base)
    tensors = load_file(base / "model.safetensors")
    tensors["pooler.dense.bias"] += 1
    save_file(tensors, base / "model.safetensors")
    with pytest.raises(
        DamagedCheckpoint, match=rf"have changed: their SHA-256 in .* it was {digest}\. Put the"
    ):
        weights_digest(folder)
    (folder / "base.json").write_text("{}")
    with pytest.raises(DamagedCheckpoint, match=r"base\.json is missing or damaged"):
        stored_types(folder)


def test_a_base_of_the_catalogue_is_found_where_its_package_is_now():
    checkpoint = resolve_checkpoint("minilm-l6", ANY_FILE)
    written = base_of(checkpoint, {"bert.a": "a"})
    assert written.name == "minilm-l6"
    moved = written.model_copy(update={"folder": Path("/nowhere/at/all")})
    assert base_folder(Path("run"), moved) == checkpoint.folder
    other = Base(name="bert-base-uncased", folder=moved.folder, digest="0", tensors={})
    with pytest.raises(MissingWeights, match="of 'bert-base-uncased', whose weights are no longer"):
        base_folder(Path("run"), other)


def test_only_tensors_with_the_same_bytes_as_float32_are_those_of_the_checkpoint(tmp_path):
    stored = {"a": torch.zeros(2), "b": torch.ones(2).half(), "c": torch.ones(2)}
    save_file(stored | {"d": torch.tensor([float("nan")])}, tmp_path / "model.safetensors")
    ours = {"bert.a": -torch.zeros(2), "bert.b": torch.ones(2), "bert.c": torch.ones(2)}
    ours |= {"c": torch.ones(2), "bert.d": torch.tensor([float("nan")])}
    assert equal_tensors(tmp_path, ours, "bert") == {"bert.c": "c", "bert.d": "d"}
