"""`compare --starts-from`: every plan goes on from one run, as a process of its own."""

import json
from pathlib import Path

from tests.cli.test_compare import finished


def test_a_comparison_goes_on_from_a_run_and_its_bundle_repeats_it(
    tmp_path: Path, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    home, bundle = tmp_path / "home", tmp_path / "bundle"
    shared = ("--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16)
    short = (*shared, "--seeds", 1, "--epochs", 1, "--format", "json")
    first = json.loads(finished(home, *short, "--scenarios", "full").stdout)
    parent = first["scenarios"][0]["seeds"][0]["run"]
    onward = ("--scenarios", "heads-only,full", "--starts-from", parent, "--output", bundle)
    answer = finished(home, *short, *onward)
    assert answer.returncode == 0, answer.stderr
    script = (bundle / "repeat.sh").read_text(encoding="utf-8")
    assert f"  --starts-from {parent} " in script
    assert f"# Starts from run {parent}, which must be in the store" in script
    note = (bundle / "note.md").read_text(encoding="utf-8")
    assert f"starts from {parent}" in note


def test_a_run_to_go_on_from_that_is_not_there_is_named(
    tmp_path: Path, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    shared = ("--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16)
    onward = ("--scenarios", "full", "--starts-from", "nothing")
    answer = finished(tmp_path / "home", *shared, *onward)
    assert answer.returncode == 2
    assert "There is no run 'nothing'" in answer.stderr
