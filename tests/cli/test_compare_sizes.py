"""`compare` with several numbers of training sentences, as a process of its own."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.test_compare import finished


class Sized(NamedTuple):
    """A finished comparison: what was asked, what it said, as JSON, and the bundle it wrote."""

    home: Path
    asked: tuple[object, ...]
    json: Any
    told: list[str]
    output: Path


@pytest.fixture(scope="module")
def sized(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, tiny_data: Path
) -> Sized:
    folder = tmp_path_factory.mktemp("sized")
    asked = (
        *("--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16),
        *("--scenarios", "heads-only,full", "--seeds", 3, "--epochs", 1, "--examples", "3,all"),
    )
    report = ("--format", "json", "--output", folder / "bundle")
    answer = finished(folder / "home", *asked, *report)
    assert answer.returncode == 0, answer.stderr
    told = answer.stderr.splitlines()
    return Sized(folder / "home", asked, json.loads(answer.stdout), told, folder / "bundle")


def test_each_scenario_stands_there_with_each_number(sized: Sized) -> None:
    assert [(each["scenario"], each["examples"]) for each in sized.json["scenarios"]] == [
        ("heads-only", 3),
        ("heads-only", None),
        ("full", 3),
        ("full", None),
    ]
    few, every = (
        each["seeds"][0]["metrics"]["ner"]["loss"] for each in sized.json["scenarios"][2:]
    )
    assert few != every


def test_the_best_are_told_at_each_number_and_first_at_the_largest(sized: Sized) -> None:
    few, every = sized.json["best_by_examples"]
    assert (few["examples"], every["examples"]) == (3, None)
    assert every["best"] == sized.json["best"]
    for best in (few["best"], every["best"]):
        assert set(best) == {"sentiment", "ner"}
        assert set(best["ner"]) <= {"heads-only", "full"}


def test_the_largest_number_runs_first_and_each_run_names_its_own(sized: Sized) -> None:
    first, *runs, _ = sized.told
    assert first.endswith("heads-only, full · tiny-bert · 1 seed · 3 to all sentences, 4 runs")
    assert [line.split(" · ")[:2] for line in runs] == [
        ["  1/4 heads-only", "seed 3"],
        ["  2/4 full", "seed 3"],
        ["  3/4 heads-only", "3 sentences per task"],
        ["  4/4 full", "3 sentences per task"],
    ]


def test_the_bundle_holds_the_curves_the_command_and_the_models_of_the_largest(
    sized: Sized,
) -> None:
    assert (sized.output / "figures" / "examples-1-sentiment.svg").is_file()
    script = (sized.output / "repeat.sh").read_text(encoding="utf-8")
    assert "--examples 3,all" in script
    models = list(sized.output.rglob("model.safetensors"))
    largest = {
        run["run"]
        for each in sized.json["scenarios"]
        if each["examples"] is None
        for run in each["seeds"]
    }
    assert {model.parent.name for model in models} == largest


def test_once_more_it_tells_its_price_first_and_prints_a_table_for_each_number(
    sized: Sized,
) -> None:
    again = finished(sized.home, *sized.asked)
    assert again.stderr.splitlines()[0].endswith("3 to all sentences, 4 runs, under a minute")
    few, every = (
        again.stdout.index(f"\n{each}\n") for each in ("3 sentences per task", "all sentences")
    )
    assert few < every
    assert again.stdout.count("sentiment: ") == again.stdout.count("ner: ") == 2
