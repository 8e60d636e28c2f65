"""`compare --starts-from`: every plan starts from one run; with a device and a precision."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

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


def test_the_bundle_repeats_a_comparison_that_starts_from_a_run(staged: Staged) -> None:
    script = (staged.bundle / "repeat.sh").read_text(encoding="utf-8")
    assert f"  --starts-from {staged.parent} " in script
    assert f"# Starts from run {staged.parent}, which must be in the store" in script
    note = (staged.bundle / "note.md").read_text(encoding="utf-8")
    assert f"starts from {staged.parent}" in note


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
