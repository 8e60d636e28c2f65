"""`compare --starts-from`: every plan starts from one run; with a device and a precision."""

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from mtl_core.cli.repeat.files import find_files
from mtl_core.cli.repeat.unpacked import read_bundle
from mtl_core.errors import BadInput
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from tests.commands import run_in_home


class Staged(NamedTuple):
    """A finished comparison, the run from which its runs start, and its bundle."""

    home: Path
    parent: str
    bundle: Path


@pytest.fixture(scope="module")
def staged(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, tiny_data: Path
) -> Staged:
    folder = tmp_path_factory.mktemp("staged")
    home, bundle = folder / "home", folder / "bundle"
    tiny = ("--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16)
    first = run_in_home(
        *(home, "train", *tiny, "--scenario", "full", "--seed", 1, "--epochs", 1),
        *("--output", folder / "first", "--format", "jsonl"),
    )
    assert first.code == 0, first.err
    parent = str(first.events[0]["run"])
    second = run_in_home(
        *(home, "compare", *tiny, "--scenarios", "heads-only,full", "--seeds", 1, "--epochs", 1),
        *("--device", "cpu", "--precision", "bfloat16", "--format", "json"),
        *("--starts-from", parent, "--output", bundle),
    )
    assert second.code == 0, second.err
    return Staged(home, parent, bundle)


@pytest.mark.long
def test_the_bundle_repeats_the_run_and_the_comparison(
    staged: Staged, tmp_path: Path, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    files = ("--data", tiny_data, "--checkpoint", tiny_checkpoint)
    home, again = tmp_path / "home", tmp_path / "again"
    done = run_in_home(home, "repeat", staged.bundle, *files, "--format", "json", "--output", again)
    assert done.code == 0, done.err
    first, *_, last = done.err.splitlines()
    assert first == f"First run {staged.parent}, from which others start."
    assert "Repeated: the losses of all 1 step of 1 run are the same to the last bit." in done.err
    assert last == "Repeated: the losses of all 2 steps of 2 runs are the same to the last bit."
    (earlier,) = (again / "earlier").iterdir()
    assert [run["seed"] for arm in done.json["scenarios"] for run in arm["seeds"]] == [1, 1]
    assert f"  --starts-from {earlier.name} " in (again / "repeat.sh").read_text(encoding="utf-8")


@pytest.mark.long
def test_the_bundle_knows_the_run_that_its_comparison_starts_from(
    staged: Staged, tmp_path: Path, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    script = (staged.bundle / "repeat.sh").read_text(encoding="utf-8")
    assert f"# First it trains again what it starts from: {staged.parent}.\n" in script
    note = (staged.bundle / "note.md").read_text(encoding="utf-8")
    assert f"starts from {staged.parent}" in note
    bundle = read_bundle(staged.bundle)
    assert [run.id for run in bundle.earlier] == [staged.parent]
    assert bundle.comparison is not None
    settings = Settings.from_environment()
    found = find_files(bundle, settings, [str(tiny_data)], [str(tiny_checkpoint)])
    spec = found.in_comparison(bundle.comparison, {staged.parent: "again"})
    assert spec.starts_from == "again"
    assert spec.arm_names == ("heads-only", "full")
    lacking = tmp_path / "lacking"
    shutil.copytree(staged.bundle, lacking, ignore=shutil.ignore_patterns("earlier"))
    with pytest.raises(BadInput, match=f"\n- run {staged.parent}, from which others start: it was"):
        find_files(read_bundle(lacking), settings, [str(tiny_data)], [str(tiny_checkpoint)])


def test_device_and_precision_are_those_of_every_run(staged: Staged) -> None:
    with closing(RunStore(staged.home / "runs.sqlite")) as store:
        (record,) = store.comparisons()
    specs = [record.spec, *(run.spec for run in record.runs)]
    assert [(spec.device, spec.precision) for spec in specs] == [("cpu", "bfloat16")] * 3


def test_a_missing_run_to_start_from_is_named(
    refused: Callable[..., str], tiny_checkpoint: Path, tiny_data: Path
) -> None:
    tiny = ("--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16)
    message = refused("compare", *tiny, "--scenarios", "full", "--starts-from", "nothing")
    assert "There is no run 'nothing'" in message
