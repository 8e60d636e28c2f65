"""`repeat` and `repeat.sh`: a bundle is sent to another machine, and trains to the same losses."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.uploads import UploadedFile, UploadedTask, store_upload
from tests.commands import Answer, run_in_home

ROOT = Path(__file__).parents[2]
ABSOLUTE = re.compile(r"(?<![\w/<.:-])/(?:home|root|tmp|usr|var|srv|opt|mnt|work|Users)/")


class Sent(NamedTuple):
    """Bundles of a run that starts from another, with and without files; the sender has gone.

    `data` and `checkpoint` are copies that the receiver has got in another way.
    """

    first: str
    second: str
    whole: Path
    bare: Path
    data: Path
    checkpoint: Path
    errors: str
    secrets: tuple[str, ...]

    def losses(self, run: str) -> list[object]:
        (events,) = self.bare.glob(f"*/{run}/events.jsonl")
        return step_losses(events.read_text().splitlines())


def step_losses(lines: list[str]) -> list[object]:
    events = map(json.loads, lines)
    return [each["loss"] for each in events if each["event"] == "step"]


def uploaded(data: Path, uploads: Path) -> str:
    """The tiny data as an upload with a name."""

    def file(name: str) -> UploadedFile:
        return UploadedFile(name, (data / name).read_bytes())

    splits = [(file(f"reviews.{split}.csv"), file(f"entities.{split}.conll")) for split in SPLITS]
    (reviews, entities), (other_reviews, other_entities) = splits
    tasks = (
        UploadedTask("sentiment", TaskKind.SENTENCE, "classifier", reviews, other_reviews),
        UploadedTask("ner", TaskKind.TOKEN, "ner", entities, other_entities),
    )
    return store_upload(tasks, uploads, name="Kind reviews / 2026")


SPLITS = ("train", "dev")


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, tiny_data: Path) -> Sent:
    sender = tmp_path_factory.mktemp("sender")
    receiver = tmp_path_factory.mktemp("receiver") / "what's here"
    home, checkpoint = sender / "home", sender / "models" / "tiny bert"
    shutil.copytree(tiny_checkpoint, checkpoint)
    reference = uploaded(tiny_data.parent, home / "uploads")
    ids = []
    for number, options in enumerate([("--scenario", "full"), ("--scenario", "top-1")]):
        start = ("--starts-from", ids[0]) if ids else ()
        trained = run_in_home(
            *(home, "train", "--checkpoint", checkpoint, "--data", reference, *options, *start),
            *("--epochs", 0.7, "--batch-size", 4, "--max-length", 16, "--seed", 3),
            *("--output", sender / f"model {number}", "--format", "jsonl"),
        )
        assert trained.code == 0, trained.err
        ids.append(str(trained.events[0]["run"]))
    whole = ("--with-data", "--with-weights", "--what", "tables")
    bundles: dict[str, tuple[str, ...]] = {"whole": whole, "bare": ()}
    errors = ""
    for name, options in bundles.items():
        done = run_in_home(home, "export", ids[1], "--output", receiver / name, *options)
        assert done.code == 0, done.err
        errors = done.err
    shutil.copytree(next((home / "uploads").iterdir()), receiver / "got" / "data")
    shutil.copytree(checkpoint, receiver / "got" / "tiny bert")
    shutil.rmtree(sender)
    return Sent(
        *ids,
        receiver / "whole",
        receiver / "bare",
        receiver / "got" / "data",
        receiver / "got" / "tiny bert",
        errors,
        (str(sender), reference),
    )


@pytest.fixture
def repeat(sent: Sent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """`repeat` in an empty home and folder, with the last bundle's run unless another is named."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def answer(folder: Path, *options: object) -> Answer:
        return run_in_home(tmp_path / "home", "repeat", folder, *options)

    return answer


def test_the_script_repeats_an_upload_a_local_checkpoint_and_the_run_before(
    sent: Sent, tmp_path: Path
) -> None:
    place = tmp_path / "un packed"
    shutil.copytree(sent.whole, place)
    script = place / "runs" / sent.second / "repeat.sh"
    done = subprocess.run(
        ["sh", os.path.relpath(script, tmp_path), "--format", "jsonl"],
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "FREEZE_LAB_PYTHON": sys.executable,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    both = sent.losses(sent.first) + sent.losses(sent.second)
    assert len(both) == 4
    assert step_losses(done.stdout.splitlines()) == both
    assert done.stderr.splitlines() == [
        f"First run {sent.first}, from which others start.",
        *2 * ["Repeated: the losses of all 2 steps of 1 run are the same to the last bit."],
    ]


def test_what_is_missing_is_listed_at_once_with_what_to_do(
    sent: Sent, repeat: Callable[..., Answer], tmp_path: Path
) -> None:
    refused = repeat(sent.bare / "runs" / sent.second)
    assert refused.code == 2
    head, data, checkpoint = refused.err.splitlines()
    assert head == f"Run {sent.second} needs files that are not here; nothing was trained."
    assert data.startswith("- data Kind reviews / 2026 (8 + 4 sentences for sentiment and 4 + 4 ")
    assert f"put the manifest and its files into {sent.bare}/data/NAME, or pass --data" in data
    assert "Or upload its files on the Data page of this machine." in data
    assert re.match(r"- checkpoint tiny bert \(SHA-256 [0-9a-f]{12}\): put its folder", checkpoint)
    assert "or below a folder of FREEZE_LAB_CHECKPOINTS, or pass --checkpoint PATH." in checkpoint
    assert not (tmp_path / "home" / "runs.sqlite").exists()


def test_files_are_recognised_by_their_content_wherever_they_are(
    sent: Sent, repeat: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = sent.bare / "earlier" / sent.first
    monkeypatch.setenv("FREEZE_LAB_CHECKPOINTS", str(sent.checkpoint.parent))
    uploads = tmp_path / "home" / "uploads"
    shutil.copytree(sent.data, uploads / sent.secrets[1].removeprefix("upload:"))
    by_name = repeat(first, "--format", "jsonl", "--output", tmp_path / "model")
    assert by_name.code == 0, by_name.err
    assert step_losses(by_name.out.splitlines()) == sent.losses(sent.first)
    assert (tmp_path / "model" / "model.safetensors").is_file()
    assert by_name.events[0]["spec"]["data"] == sent.secrets[1]
    monkeypatch.delenv("FREEZE_LAB_CHECKPOINTS")
    shutil.rmtree(uploads)
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    manifest = (sent.data / "manifest.yaml").read_text(encoding="utf-8")
    for number, file in enumerate(each for each in sent.data.iterdir() if each.stem != "manifest"):
        shutil.copy(file, renamed / f"{number}{file.suffix}")
        manifest = manifest.replace(file.name, f"{number}{file.suffix}")
    (renamed / "mine.yaml").write_text(manifest, encoding="utf-8")
    given = ("--data", renamed / "mine.yaml", "--checkpoint", sent.checkpoint)
    by_path = repeat(first, *given, "--format", "jsonl")
    assert by_path.code == 0, by_path.err
    assert step_losses(by_path.out.splitlines()) == sent.losses(sent.first)


def test_files_with_another_content_are_refused(
    sent: Sent, repeat: Callable[..., Answer], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(sent.data, other / "data")
    for file in (other / "data").glob("*.csv"):
        file.write_text(file.read_text().replace("good", "great"))
    shutil.copytree(sent.checkpoint, other / "model")
    weights = other / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    given = ("--data", other / "data", "--checkpoint", other / "model")
    refused = repeat(sent.bare / "earlier" / sent.first, *given)
    assert refused.code == 2
    assert f"{other / 'data'} has other files than those of the runs." in refused.err
    assert f"{other / 'model'} has other weights (SHA-256 " in refused.err
    wrong = ("--data", tmp_path / "no.yaml", "--checkpoint", tmp_path / "none")
    refused = repeat(sent.bare / "earlier" / sent.first, *wrong)
    assert f"There are no data called '{tmp_path / 'no.yaml'}'." in refused.err
    assert f"There is no file or folder '{tmp_path / 'none'}'." in refused.err


def test_no_text_but_the_specs_refers_to_the_machine_of_the_sender(sent: Sent) -> None:
    files = [each for bundle in (sent.bare, sent.whole) for each in bundle.rglob("*")]
    texts = {
        each: each.read_text(encoding="utf-8")
        for each in files
        if each.is_file() and each.suffix not in (".safetensors", ".png")
    }
    assert len(texts) > 50
    for file, text in texts.items():
        found = [*(secret for secret in sent.secrets if secret in text), *ABSOLUTE.findall(text)]
        found += ["upload:"] if "upload:" in text else []
        is_spec = file.name == "spec.json"
        assert set(found) == ({sent.secrets[1], "upload:"} if is_spec else set()), (file, found)
    note = texts[sent.bare / "note.md"]
    assert "data: Kind reviews / 2026 (8 + 4 sentences)" in note
    assert "--data ./Kind-reviews-2026" in note
    assert "--checkpoint './tiny bert'" in note


def test_a_bundle_has_the_files_only_on_request_and_says_so(sent: Sent) -> None:
    folders = [{each.name for each in bundle.iterdir()} for bundle in (sent.whole, sent.bare)]
    assert folders[0] - folders[1] == {"data", "weights"}
    assert {each.name for each in (sent.whole / "data").iterdir()} == {"Kind-reviews-2026"}
    weights = sent.whole / "weights" / "tiny-bert" / "model.safetensors"
    assert weights.read_bytes() == (sent.checkpoint / "model.safetensors").read_bytes()
    data, checkpoint = sent.errors.splitlines()
    start = "The data that repeat.sh needs are not included: Kind reviews / 2026 (8 + 4 sentences "
    assert data.startswith(start)
    assert data.endswith(" --with-data includes them.")
    assert checkpoint.startswith("The checkpoints that repeat.sh needs are not included: tiny bert")
    scripts = [bundle / "runs" / sent.second / "repeat.sh" for bundle in (sent.whole, sent.bare)]
    for script, where in zip(scripts, ("In this bundle:", "Not in this bundle;"), strict=True):
        text = script.read_text(encoding="utf-8")
        assert f"# First it trains again what it starts from: {sent.first}.\n# {where}" in text
        assert "\n# - data Kind reviews / 2026 (8 + 4 sentences for sentiment" in text
        assert "\n# - checkpoint tiny bert (SHA-256 " in text


FAKE = """#!/bin/sh
case "$1" in -c) {test} ;; repeat) [ "$2" != --help ] || exit 0 ;; esac
printf '%s\\n' "$0" "$@"
"""


@pytest.mark.parametrize(
    ("program", "variables", "needs_clone"),
    [
        ("own place/python", {"FREEZE_LAB_PYTHON": "{place}/own place/python"}, False),
        ("active/bin/python", {"VIRTUAL_ENV": "{place}/active"}, False),
        (".venv/bin/python", {}, False),
        ("bin/freeze-lab", {}, False),
        ("bin/python3", {}, False),
        ("bin/python", {}, False),
        ("clone/.venv/bin/python", {"VIRTUAL_ENV": "{place}/clone/.venv"}, True),
    ],
)
def test_the_script_finds_freeze_lab(
    sent: Sent, tmp_path: Path, program: str, variables: dict[str, str], needs_clone: bool
) -> None:
    fake = tmp_path / program
    fake.parent.mkdir(parents=True)
    (tmp_path / "clone" / "mtl_core").mkdir(parents=True)
    (tmp_path / "clone" / "mtl_core" / "__main__.py").touch()
    in_clone = f'[ "${{PYTHONPATH%%:*}}" = "{tmp_path}/clone" ]; exit'
    fake.write_text(FAKE.format(test=in_clone if needs_clone else "exit 0"), encoding="utf-8")
    fake.chmod(0o755)
    script = sent.bare / "runs" / sent.second / "repeat.sh"
    done = subprocess.run(
        ["/bin/sh", script, "--output", "a b"],
        cwd=tmp_path,
        env={
            "PATH": str(tmp_path / "bin"),
            **{name: value.format(place=tmp_path) for name, value in variables.items()},
        },
        capture_output=True,
        text=True,
        check=True,
    )
    called, *arguments = done.stdout.splitlines()
    assert (tmp_path / called).resolve() == fake
    start = [] if fake.name == "freeze-lab" else ["-m", "mtl_core"]
    assert arguments == [*start, "repeat", str(script.parent), "--output", "a b"]


@pytest.mark.parametrize("python", ["", "no-python"])
def test_without_freeze_lab_the_script_names_the_versions_and_how_to_install_them(
    sent: Sent, tmp_path: Path, python: str
) -> None:
    script = sent.bare / "runs" / sent.second / "repeat.sh"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "python3").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", script],
        cwd=tmp_path,
        env={"PATH": str(tmp_path / "bin"), "FREEZE_LAB_PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    first, made, *remedy = done.stderr.splitlines()
    named = "FREEZE_LAB_PYTHON=no-python has no Freeze Lab with its packages."
    assert first == (named if python else "No Python with Freeze Lab was found.")
    assert re.match(r"These results were made with Freeze Lab [\d.]+, Python [\d.]+, torch ", made)
    assert any("pip install . -c constraints.txt" in line for line in remedy)
    assert remedy[-1] == "FREEZE_LAB_PYTHON=/path/to/python sh repeat.sh"


def test_a_folder_that_is_no_bundle_and_options_of_another_kind_are_refused(
    sent: Sent, repeat: Callable[..., Answer], tmp_path: Path
) -> None:
    run = sent.bare / "runs" / sent.second
    assert f"Name one of its runs: {run}." in repeat(sent.bare).err
    assert (
        "has neither spec.json nor comparison.json. Name the folder of repeat.sh."
        in repeat(tmp_path).err
    )
    assert "Write --format jsonl." in repeat(run, "--format", "json").err
    assert "--reference is for a comparison" in repeat(run, "--reference", "full").err
    (tmp_path / "spec.json").write_text('{"checkpoint": "minilm-l6", "plan": {}, "new": 1}')
    refused = repeat(tmp_path)
    assert refused.code == 2
    assert f"{tmp_path}/spec.json is not what Freeze Lab " in refused.err
