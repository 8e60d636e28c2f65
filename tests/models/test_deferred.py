"""An encoder whose modules are built when they are needed."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mtl_core.file_access import ANY_FILE
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.configuration import read_architecture
from mtl_core.models.deferred import DeferredBackbone, encoder_tensors
from mtl_core.models.describe import describe
from mtl_core.models.load import load_backbone
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.task import Task, TaskKind

TASK = Task(name="sentiment", kind=TaskKind.SENTENCE, head="classifier", outputs=("bad", "good"))


@pytest.fixture
def checkpoint(tiny_checkpoint: Path) -> Checkpoint:
    return resolve_checkpoint(str(tiny_checkpoint), ANY_FILE)


def deferred(checkpoint: Checkpoint, folder: Path) -> DeferredBackbone:
    described = describe(checkpoint)
    tensors = encoder_tensors(folder, described)
    assert tensors is not None
    config = read_architecture(checkpoint.config_file)
    return DeferredBackbone(config, described.prefix, tensors, lambda: load_backbone(checkpoint))


def test_its_parameters_are_those_of_the_encoder(
    checkpoint: Checkpoint, tiny_checkpoint: Path
) -> None:
    found = dict(deferred(checkpoint, tiny_checkpoint).named_parameters())
    expected = dict(load_backbone(checkpoint).named_parameters())

    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_model_builds_it_for_the_first_pass_with_the_same_parameters(
    checkpoint: Checkpoint, tiny_checkpoint: Path
) -> None:
    model = MultiTaskModel(deferred(checkpoint, tiny_checkpoint), (TASK,), seed=0)
    before = dict(model.named_parameters())
    before["bert.embeddings.word_embeddings.weight"].requires_grad_(False)
    assert not model.has_built_backbone
    ids = torch.tensor([[5, 6, 7]])

    found = model.hidden(ids, torch.ones_like(ids))

    assert model.has_built_backbone
    assert torch.equal(found, load_backbone(checkpoint)(ids).last_hidden_state)
    after = dict(model.named_parameters())
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)
    assert not after["bert.embeddings.word_embeddings.weight"].requires_grad


@pytest.mark.parametrize("change", ["missing", "half precision", "another shape"])
def test_files_that_transformers_would_have_to_convert_are_not_deferred(
    checkpoint: Checkpoint, tiny_checkpoint: Path, tmp_path: Path, change: str
) -> None:
    tensors = load_file(tiny_checkpoint / "model.safetensors")
    name = next(each for each in tensors if each.endswith("layer.0.output.dense.weight"))
    if change == "missing":
        del tensors[name]
    elif change == "half precision":
        tensors[name] = tensors[name].half()
    else:
        tensors[name] = tensors[name][:-1].contiguous()
    save_file(tensors, tmp_path / "model.safetensors")

    assert encoder_tensors(tmp_path, describe(checkpoint)) is None
