import subprocess
import sys

import pytest

from mtl_core.errors import DamagedCheckpoint, UnsupportedArchitecture
from mtl_core.file_access import ANY_FILE
from mtl_core.models.cache import description_of, read_description, shipped_description
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home", threads=1)


@pytest.fixture
def made():
    """What was asked to be described, in order."""
    return []


@pytest.fixture
def describe(made):
    """Gives MiniLM's description for anything, and keeps count."""

    def described(checkpoint):
        made.append(checkpoint.name)
        return read_description(shipped_description("minilm-l6"))

    return described


def test_a_catalogue_entry_is_never_described_again(settings, describe, made):
    description = description_of(resolve_checkpoint("biobert", ANY_FILE), settings, describe)
    assert (description.vocabulary_size, made) == (28_996, [])
    assert not settings.descriptions.exists()


def test_another_checkpoint_is_described_once(settings, describe, made, config_folder):
    checkpoint = resolve_checkpoint(str(config_folder({"model_type": "bert"})), ANY_FILE)
    first = description_of(checkpoint, settings, describe)
    second = description_of(checkpoint, settings, describe)
    assert (made, first) == (["given"], second)
    assert [file.suffix for file in settings.descriptions.iterdir()] == [".json"]


def test_a_changed_configuration_is_described_again(settings, describe, made, config_folder):
    folder = config_folder({"model_type": "bert"})
    description_of(resolve_checkpoint(str(folder), ANY_FILE), settings, describe)
    (folder / "config.json").write_text('{"model_type": "roberta"}')
    description_of(resolve_checkpoint(str(folder), ANY_FILE), settings, describe)
    assert made == ["given", "given"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\xfe", b'{"architecture": "bert"}', b"half"])
def test_a_damaged_entry_is_made_again_and_mended(settings, describe, made, config_folder, damage):
    checkpoint = resolve_checkpoint(str(config_folder({"model_type": "bert"})), ANY_FILE)
    whole = description_of(checkpoint, settings, describe)
    (file,) = settings.descriptions.iterdir()
    file.write_bytes(file.read_bytes()[:500] if damage == b"half" else damage)
    assert description_of(checkpoint, settings, describe) == whole
    assert read_description(file) == whole
    assert len(made) == 2


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path, describe, made, config_folder):
    (tmp_path / "file").write_text("")
    settings = Settings(home=tmp_path / "file", threads=1)
    checkpoint = resolve_checkpoint(str(config_folder({"model_type": "bert"})), ANY_FILE)
    for _ in range(2):
        assert description_of(checkpoint, settings, describe).depth == 6
    assert made == ["given", "given"]


def test_an_error_while_describing_leaves_nothing_behind(settings, config_folder):
    def fail(checkpoint):
        raise DamagedCheckpoint(f"{checkpoint.name} is broken")

    checkpoint = resolve_checkpoint(str(config_folder({"model_type": "bert"})), ANY_FILE)
    with pytest.raises(DamagedCheckpoint, match="given is broken"):
        description_of(checkpoint, settings, fail)
    assert not settings.descriptions.exists()


def test_reading_a_shipped_description_imports_neither_torch_nor_transformers():
    script = (
        "import sys; from mtl_core.models.cache import read_description, shipped_description;"
        "print(read_description(shipped_description('biobert')).depth,"
        " [name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("12 []", "")


def test_a_size_over_its_limit_is_refused_without_torch(tmp_path, settings):
    file = tmp_path / "config.json"
    file.write_text('{"model_type": "bert", "num_hidden_layers": 1000}')
    deep = Checkpoint(reference="deep", name="deep", config_file=file)
    with pytest.raises(
        UnsupportedArchitecture, match="has num_hidden_layers 1,000; at most 64 are"
    ):
        description_of(deep, settings, pytest.fail)
