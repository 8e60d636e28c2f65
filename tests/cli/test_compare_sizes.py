"""`compare` with several numbers of training sentences."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mtl_core.cli.compare.progress import ProgressDisplay
from mtl_core.cli.model_and_plan import load_model
from mtl_core.engine.lab import Lab
from mtl_core.settings import Settings
from tests.commands import run_in_home

Command = Callable[..., Any]


class Sized(NamedTuple):
    """A finished comparison: its home, its output as JSON and lines, and its bundle."""

    home: Path
    json: Any
    progress: list[str]
    bundle: Path

    @property
    def comparison(self) -> str:
        return self.progress[0].split()[1].rstrip(":")


@pytest.fixture(scope="module")
def sized(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, tiny_data: Path
) -> Sized:
    folder = tmp_path_factory.mktemp("sized")
    answer = run_in_home(
        *(folder / "home", "compare", "--checkpoint", tiny_checkpoint, "--data", tiny_data),
        *("--max-length", 16, "--scenarios", "heads-only,full", "--seeds", 3, "--epochs", 1),
        *("--examples", "3,all", "--format", "json", "--output", folder / "bundle"),
    )
    assert answer.code == 0, answer.err
    return Sized(folder / "home", answer.json, answer.err.splitlines(), folder / "bundle")


def test_each_scenario_is_listed_with_each_number(sized: Sized) -> None:
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


def test_the_best_plans_are_listed_by_number_and_first_at_the_largest(sized: Sized) -> None:
    few, every = sized.json["best_by_examples"]
    assert (few["examples"], every["examples"]) == (3, None)
    assert every["best"] == sized.json["best"]
    for best in (few["best"], every["best"]):
        assert set(best) == {"sentiment", "ner"}
        assert set(best["ner"]) <= {"heads-only", "full"}


def test_each_run_names_its_number_as_it_ends(sized: Sized) -> None:
    first, *runs, _ = sized.progress
    assert first.endswith("heads only, full · tiny-bert · 1 seed · 3 to all sentences, 4 runs")
    counts, ended = zip(*(line.strip().split(" ", 1) for line in runs), strict=True)
    assert counts == ("1/4", "2/4", "3/4", "4/4")
    assert {tuple(each.split(" · ")[:2]) for each in ended} == {
        (plan, words)
        for plan in ("heads-only", "full")
        for words in ("seed 3", "3 sentences per task")
    }


def test_the_bundle_contains_the_curves_the_command_and_the_models_of_the_largest(
    sized: Sized,
) -> None:
    assert (sized.bundle / "figures" / "examples-1-sentiment.svg").is_file()
    script = (sized.bundle / "repeat.sh").read_text(encoding="utf-8")
    assert "--examples 3,all" in script
    models = list(sized.bundle.rglob("model.safetensors"))
    largest = {
        run["run"]
        for each in sized.json["scenarios"]
        if each["examples"] is None
        for run in each["seeds"]
    }
    assert {model.parent.name for model in models} == largest


def test_as_text_there_is_a_table_for_each_number(
    sized: Sized, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FREEZE_LAB_HOME", str(sized.home))
    again = command("compare", "--resume", sized.comparison)
    assert again.err.splitlines()[0].endswith("4 runs, 4 of them finished before")
    few, every = (
        again.out.index(f"\n{each}\n") for each in ("3 sentences per task", "all sentences")
    )
    assert few < every
    assert again.out.count("sentiment: ") == again.out.count("ner: ") == 3
    assert "sentiment: no plan is above a bag of words, 1.00 (not tested)" in again.out[every:]


@pytest.mark.parametrize(("seconds", "text"), [(3, "under a minute"), (45, "about 3 min")])
def test_the_first_line_estimates_the_time_from_similar_runs(
    sized: Sized,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    seconds: int,
    text: str,
) -> None:
    home = shutil.copytree(sized.home, tmp_path / "copy")
    monkeypatch.setenv("FREEZE_LAB_HOME", str(home))
    settings = Settings.from_environment()
    began = datetime(2026, 1, 1, tzinfo=UTC)
    with closing(sqlite3.connect(settings.database)) as database, database:
        times = (began.isoformat(), (began + timedelta(seconds=seconds)).isoformat())
        database.execute("UPDATE runs SET started_at = ?, finished_at = ?", times)
    lab = Lab(settings, reserved=True)  # not opened: nothing is trained
    spec = lab.store.comparison(sized.comparison).spec
    _, model = load_model(spec.checkpoint, spec.data)
    ProgressDisplay(lab, lab.queue_comparison(spec, lambda *_: model))
    lab.close()
    assert capsys.readouterr().err.endswith(f"3 to all sentences, 4 runs, {text}\n")
