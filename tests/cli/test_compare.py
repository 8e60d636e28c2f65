"""`compare` on the tiny checkpoint and data."""

import csv
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mtl_core.report.portable import path_names
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunFinished
from tests.commands import Answer, run_in_home

Command = Callable[..., Any]
Refused = Callable[..., str]


class CompareOutput(NamedTuple):
    """A finished `compare --format json --output`, and the home that contains its store."""

    home: Path
    output: Path
    answer: Answer

    @property
    def json(self) -> Any:
        return self.answer.json


@pytest.fixture(scope="module")
def tiny(tiny_checkpoint: Path, tiny_data: Path) -> tuple[object, ...]:
    return ("--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16)


@pytest.fixture(scope="module")
def compared(
    tmp_path_factory: pytest.TempPathFactory, tiny: tuple[object, ...], tiny_data: Path
) -> CompareOutput:
    folder = tmp_path_factory.mktemp("compared")
    output = folder / "bundle"
    other = shutil.copytree(tiny_data.parent, folder / "other") / tiny_data.name
    options = ("--scenarios", "heads-only,full", "--seeds", "3,5", "--epochs", 1, "--margin", 0.04)
    options += ("--reference", "heads-only", "--also-evaluate", other)
    report = ("--format", "json", "--output", output)
    answer = run_in_home(folder / "home", "compare", *tiny, *options, *report)
    assert answer.code == 0, answer.err
    return CompareOutput(folder / "home", output, answer)


@pytest.fixture
def kept(compared: CompareOutput, monkeypatch: pytest.MonkeyPatch) -> CompareOutput:
    """The same, with commands of this process looking into its home."""
    monkeypatch.setenv("FREEZE_LAB_HOME", str(compared.home))
    return compared


def test_the_json_has_exactly_the_keys_of_the_contract(
    compared: CompareOutput, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    told = compared.json
    assert set(told) == {
        *("checkpoint", "data", "scenarios", "best", "verdicts", "baselines", "unbeaten"),
        *("looks", "against_reference", "against_baselines", "other_data"),
        "seconds",
    }
    assert {"majority class", "bag of words"} <= set(told["baselines"]["sentiment"])
    assert (told["checkpoint"], told["data"]) == (str(tiny_checkpoint), str(tiny_data))
    assert [each["scenario"] for each in told["scenarios"]] == ["heads-only", "full"]
    for each in told["scenarios"]:
        assert set(each) == {
            *("scenario", "seeds", "mean", "low", "high", "trainable", "frozen"),
        }
        assert [run["seed"] for run in each["seeds"]] == [3, 5]
        for run in each["seeds"]:
            assert set(run) == {
                *("seed", "run", "seconds", "trained_together", "trained_beside", "metrics")
            }
            assert set(run["metrics"]["sentiment"]) == {"loss", "accuracy", "macro_f1"}
            assert set(run["metrics"]["ner"]) == {"loss", "entity_f1", "precision", "recall"}
    assert set(told["best"]) == {"sentiment", "ner"}
    assert set(told["best"]["ner"]) <= {"heads-only", "full"}
    assert told["best"]["ner"]
    (against,) = told["against_reference"]["ner"]
    assert (against["scenario"], against["reference"]) == ("full", "heads-only")
    for task in ("sentiment", "ner"):
        rows = told["against_baselines"][task]
        assert {(row["baseline"], row["scenario"]) for row in rows} == {
            (baseline, scenario)
            for baseline in ("majority class", "bag of words")
            for scenario in ("heads-only", "full")
        }
        assert {row["margin"] for row in rows} == {0.04}
    for row in told["verdicts"]["ner"]:
        assert set(row) == {
            *("scenario", "verdict", "difference", "low", "high", "margin", "reference"),
            *("smallest_detectable", "seeds_to_decide", "sentences_to_decide"),
        }
        assert row["verdict"] in {"best", "below", "above", "equivalent", "undecided", None}
        assert row["margin"] == 0.04


def test_the_score_on_other_data_has_an_interval_over_their_sentences(
    compared: CompareOutput, tiny_data: Path
) -> None:
    ((name, rows),) = compared.json["other_data"].items()
    assert name.endswith(f"other/{tiny_data.name}")
    assert [(row["task"], row["scenario"]) for row in rows][::2] == [
        ("sentiment", rows[0]["scenario"]),
        ("ner", rows[2]["scenario"]),
    ]
    for row in rows:  # a copy of the own data
        assert row["difference"] == row["after"] - row["on_own_data"] == pytest.approx(0)
        assert row["low"] < 0 < row["high"]
    text = (compared.output / "tables" / "other-data.csv").read_text()
    table = csv.DictReader(text.splitlines())
    found = {(row["task"], row["plan"]): row for row in table}
    assert len(found) == 4
    assert {row["data"] for row in found.values()} == {f"./{tiny_data.name}"}
    assert {row["pairs_of_seeds"] for row in found.values()} == {"2"}
    assert {row["sentences"] for row in found.values()} == {"4"}


def test_mean_low_and_high_are_over_the_seeds(compared: CompareOutput) -> None:
    for each in compared.json["scenarios"]:
        losses = [run["metrics"]["ner"]["loss"] for run in each["seeds"]]
        assert each["mean"]["ner"]["loss"] == pytest.approx(sum(losses) / 2)
        assert each["low"]["ner"]["loss"] == min(losses)
        assert each["high"]["ner"]["loss"] == max(losses)
        assert losses[0] != losses[1]


def test_counts_are_those_of_inspect(kept: CompareOutput, command: Command, tiny: Any) -> None:
    inspected = command("inspect", *tiny[:4], "--scenario", "heads-only", "--format", "json").json
    heads_only, full = kept.json["scenarios"]
    totals = inspected["totals"]
    assert (heads_only["trainable"], heads_only["frozen"]) == (
        totals["trainable"],
        totals["frozen"],
    )
    assert full["trainable"] > heads_only["trainable"]


def test_every_number_is_that_of_the_run_in_the_store(kept: CompareOutput) -> None:
    with closing(RunStore(Settings.from_environment().database)) as store:
        (record,) = store.comparisons()
        ends = {run.id: store.latest(run.id, "run_finished") for run in record.runs}
    told = kept.json
    for each in told["scenarios"]:
        for run in each["seeds"]:
            end = ends.pop(run["run"])
            assert isinstance(end, RunFinished)
            assert run["seconds"] == end.total_seconds
            assert run["trained_beside"] == end.trained_beside
            assert isinstance(end.trained_beside, int)
            assert run["metrics"] == {t: score.model_dump() for t, score in end.metrics.items()}
    assert ends == {}
    assert told["seconds"] == sum(
        run["seconds"] for each in told["scenarios"] for run in each["seeds"]
    )


def test_the_bundle_is_one_of_a_comparison_and_export_by_its_id_writes_the_same(
    kept: CompareOutput, command: Command, tmp_path: Path
) -> None:
    with closing(RunStore(Settings.from_environment().database)) as store:
        (record,) = store.comparisons()
        named = path_names(store, record.runs, record).in_comparison(record)
    answer = command("export", record.id, "--output", tmp_path / "again")
    assert answer.code == 0, answer.err
    for folder in (kept.output, tmp_path / "again"):
        spec = (folder / "comparison.json").read_text(encoding="utf-8")
        assert ComparisonSpec.model_validate_json(spec) == named.spec
        assert os.access(folder / "repeat.sh", os.X_OK)
        rows = (folder / "tables" / "plans.csv").read_text(encoding="utf-8").splitlines()
        assert len(rows) == 1 + 2 * 2  # two plans, two tasks
        assert (folder / "figures" / "movement-map-distance.svg").is_file()
    first, again = (
        (folder / "tables" / "fronts.csv").read_text(encoding="utf-8")
        for folder in (kept.output, tmp_path / "again")
    )
    assert first == again
    assert ",baseline,majority class,," in first  # the data are still there


def test_the_bundle_compares_with_the_reference_and_so_does_export(
    kept: CompareOutput, command: Command, refused: Refused, tmp_path: Path
) -> None:
    with closing(RunStore(Settings.from_environment().database)) as store:
        (record,) = store.comparisons()
    again = tmp_path / "again"
    answer = command("export", record.id, "--output", again, "--reference", "heads-only")
    assert answer.code == 0, answer.err
    for folder in (kept.output, again):
        assert "Sentiment against heads only" in (folder / "note.md").read_text(encoding="utf-8")
        script = (folder / "repeat.sh").read_text(encoding="utf-8")
        assert "\n#   --margin 0.04 \\\n#   --reference heads-only \\\n" in script
        assert '\nset -- --reference heads-only "$@"\n' in script
        assert (folder / "tables" / "against-baselines.csv").read_text(encoding="utf-8").count(
            "\nbag of words,sentiment,accuracy,"
        ) == 2
        rows = (folder / "tables" / "against-reference.csv").read_text(encoding="utf-8")
        assert [line.split(",")[:4] for line in rows.splitlines()[1:]] == [
            ["heads only", "sentiment", "accuracy", "full"],
            ["heads only", "ner", "entity F1", "full"],
        ]
    said = refused("export", record.id, "--output", tmp_path / "x", "--reference", "top-1")
    assert "--reference top-1 is not among these plans. Choose one of heads only, full." in said


def test_stderr_names_the_comparison_and_each_run_as_it_ends(compared: CompareOutput) -> None:
    first, *runs, last = compared.answer.err.splitlines()
    assert first.endswith("heads only, full · tiny-bert · 2 seeds, 4 runs")
    counts, ended = zip(*(line.strip().split(" ", 1) for line in runs), strict=True)
    assert counts == ("1/4", "2/4", "3/4", "4/4")
    assert {tuple(each.split(" · ")[:2]) for each in ended} == {
        (plan, seed) for plan in ("heads-only", "full") for seed in ("seed 3", "seed 5")
    }
    assert last == f"Written to {compared.output}"


def test_the_bundle_holds_the_note_and_the_models_of_the_first_seed(
    compared: CompareOutput,
) -> None:
    assert (compared.output / "note.html").is_file()
    assert len(list(compared.output.rglob("model.safetensors"))) == 2


def test_a_run_of_a_comparison_is_that_of_train_to_the_bit(
    kept: CompareOutput, command: Command, tiny: Any
) -> None:
    options = ("--scenario", "full", "--seed", 5, "--epochs", 1, "--format", "jsonl")
    *_, end = command("train", *tiny, *options).events
    full = kept.json["scenarios"][1]["seeds"][1]
    assert end["metrics"] == full["metrics"]
    command("runs", "delete", end["run"])


def test_runs_list_and_show_tell_of_the_comparison(kept: CompareOutput, command: Command) -> None:
    comparison = kept.answer.err.split()[1].rstrip(":")
    listed = command("runs", "list").out
    assert comparison in listed
    assert "4 of 4 runs" in listed
    runs = command("runs", "list", "--format", "json").json
    assert {run["comparison"] for run in runs} == {comparison}
    assert {run["arm"] for run in runs} == {run["scenario"] for run in runs}
    shown = command("runs", "show", comparison).out
    assert "heads-only" in shown
    assert "sentiment: best is" in shown
    events = command("runs", "show", comparison, "--format", "jsonl").events
    ends = [event["run"] for event in events if event["event"] == "run_finished"]
    assert sorted(ends) == sorted(run["run"] for run in runs)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Choose what to compare, e.g. --scenarios heads-only,top-1,full"),
        (("--scenarios", "full", "--resume", "x"), "but not both"),
        (("--scenarios", ""), "--scenarios names none."),
        (("--scenarios", "full,top-7,nonsense"), "There is no scenario 'nonsense'."),
        (("--scenarios", "full,top-7,nonsense"), "'top-7' does not fit this checkpoint"),
        (("--scenarios", "full,full"), "The arm 'full' is given twice"),
        (
            ("--scenarios", "full", "--seeds", "1,x"),
            "--seeds 1,x: write comma-separated whole numbers",
        ),
        (("--scenarios", "full", "--seeds", "1,1"), "The seed '1' is given twice"),
        (
            ("--scenarios", "full", "--sweep", "0,1"),
            "--sweep 0,1: write comma-separated numbers above 0",
        ),
        (("--scenarios", "full", "--epochs", 0), "--epochs 0.0: input should be greater than 0"),
        (
            ("--scenarios", "full", "--examples", "ner"),
            "--examples ner: write comma-separated numbers from 1",
        ),
        (
            ("--scenarios", "full", "--examples", "50,0"),
            "--examples 0: write comma-separated numbers from 1",
        ),
        (("--scenarios", "full", "--examples", "50,50"), "of examples '50' is given twice"),
        (("--scenarios", "full", "--examples", "50,401"), "choose 1 to 400"),
        (("--scenarios", "full", "--examples", "ner=x"), "--examples ner=x: write TASK=N"),
        (("--scenarios", "full", "--examples", "nre=5"), "There is no task 'nre'."),
        (("--scenarios", "full", "--max-length", 600), "A maximum length of 600 tokens"),
        (("--scenarios", "full", "--device", "tpu"), "There is no device 'tpu'. Available: "),
        (("--scenarios", "full", "--precision", "float16"), "There is no precision 'float16'."),
        (("--scenarios", "full", "--checkpoint", "bert-large-uncased"), "bert-large-uncased"),
        (("--resume", "261124-0655-compare-3f9a"), "There is no comparison '261124-0655"),
        (("--resume", "x", "--margin", 0.02), "--margin is chosen before the runs"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    refused: Refused, arguments: tuple[object, ...], says: str
) -> None:
    assert says in refused("compare", *arguments)
    with closing(RunStore(Settings.from_environment().database)) as store:
        assert (store.comparisons(), store.runs()) == ([], [])


def test_an_output_that_is_not_empty_is_refused_before_anything_runs(
    refused: Refused, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    said = refused("compare", "--scenarios", "full", "--output", tmp_path)
    assert "is not empty; name a new folder" in said


def test_deleting_a_comparison_deletes_its_runs(kept: CompareOutput, command: Command) -> None:
    comparison = kept.answer.err.split()[1].rstrip(":")
    models = kept.home / "runs"
    assert len(list(models.iterdir())) == 2
    deleted = command("runs", "delete", comparison)
    assert (deleted.code, deleted.err) == (
        0,
        f"Comparison {comparison} and its 4 runs are deleted.\n",
    )
    assert list(models.iterdir()) == []
    assert command("runs", "list", "--format", "json").json == []
    assert command("runs", "show", comparison).code == 2
