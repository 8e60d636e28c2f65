"""A fine-tuned copy of a checkpoint of the catalogue has its description and its costs."""

import json
from pathlib import Path
from typing import Any

import pytest

from mtl_core.cost.profile_cache import catalogue_profile, load_profile
from mtl_core.file_access import ANY_FILE
from mtl_core.models.cache import catalogue_description, description_of
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.describe import describe
from mtl_core.models.same_architecture import entry_of_same_architecture
from mtl_core.settings import Settings

OF_ANOTHER_TASK = {
    "_name_or_path": "somebody/else",
    "architectures": ["BertForSequenceClassification"],
    "id2label": {"0": "bad", "1": "good"},
    "label2id": {"bad": 0, "good": 1},
    "torch_dtype": "float32",
    "transformers_version": "4.30.2",
    "use_cache": True,
}
ENTRIES = {each.name: each for each in catalogue()}


def copy_of(name: str, folder: Path, **changes: Any) -> Checkpoint:
    """A folder with the configuration of a catalogue entry and these changes."""
    config = json.loads(ENTRIES[name].config_file.read_text(encoding="utf-8"))
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config | OF_ANOTHER_TASK | changes))
    (folder / "model.safetensors").touch()
    return resolve_checkpoint(str(folder), ANY_FILE)


def never(_checkpoint: Checkpoint) -> Any:
    raise AssertionError("the catalogue has this architecture")


def test_a_fine_tuned_copy_is_described_and_priced_without_torch(tmp_path: Path) -> None:
    copy, settings = copy_of("minilm-l6", tmp_path / "ours"), Settings(home=tmp_path, threads=1)
    assert description_of(copy, settings, never) is catalogue_description("minilm-l6")
    assert load_profile(copy, settings, never) is catalogue_profile("minilm-l6")
    assert describe(copy) == catalogue_description("minilm-l6")


@pytest.mark.parametrize(
    "changes",
    [
        {"num_hidden_layers": 5},
        {"hidden_dropout_prob": 0.2},
        {"position_embedding_type": "relative_key"},
        {"unknown_key": 1},
    ],
    ids=str,
)
def test_a_checkpoint_with_any_other_value_is_described_by_itself(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    copy = copy_of("minilm-l6", tmp_path / "ours", **changes)
    assert entry_of_same_architecture(copy.config_file) is None


def test_a_configuration_that_cannot_be_read_has_no_entry(tmp_path: Path) -> None:
    damaged = tmp_path / "config.json"
    damaged.write_text("[1, 2]")
    assert entry_of_same_architecture(damaged) is None
    damaged.write_text("{")
    assert entry_of_same_architecture(damaged) is None


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_the_description_of_a_copy_is_that_of_its_entry(tmp_path: Path, name: str) -> None:
    copy = copy_of(name, tmp_path / "ours")
    entry = entry_of_same_architecture(copy.config_file)
    assert describe(copy).notes or entry is not None
    assert entry is None or describe(copy) == catalogue_description(entry)
