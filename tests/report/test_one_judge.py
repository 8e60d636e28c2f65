"""Page, note, JSON and text state the same verdicts on the shipped runs with 1 to 5 seeds."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pandas import DataFrame

from mtl_core.cli.compare.results import load_results, print_results
from mtl_core.cli.compare.results_json import as_json
from mtl_core.engine import lab as lab_module
from mtl_core.engine.lab import Lab
from mtl_core.export.tables import tables_of
from mtl_core.freezing.titles import scenario_phrase, task_title
from mtl_core.lessons.shipped_runs import import_shipped
from mtl_core.report.blocks import Code, Table
from mtl_core.report.load import load_report, sentences_of
from mtl_core.report.note import note_of
from mtl_core.report.table import result_words
from mtl_core.settings import Settings
from mtl_core.store.record import ComparisonRecord
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.export_popover import note_of_runs
from tests.run_story import minilm
from tests.visiting import visited

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TASKS = ("sentiment", "ner")
SEEDS = (1, 2, 3, 5)
COMPARED = ("heads-only", "top-1", "full")

Verdicts = Mapping[str, Mapping[str, set[str]]]
"""By task and verdict, the plans by their phrases."""

MARKS = {"best": "best", "equivalent": "≈ equivalent", "undecided": "? undecided"}
WORDS = {"best": "best is", "equivalent": "equivalent to it:", "undecided": "undecided:"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    patch = pytest.MonkeyPatch()
    patch.setenv("FREEZE_LAB_HOME", str(tmp_path_factory.mktemp("home")))
    opened = Lab(Settings.from_environment())
    import_shipped(opened.store)
    patch.setattr(lab_module, "_lab", opened)
    yield opened
    patch.undo()


def phrase(name: str) -> str:
    """A plan as the page calls it; the name of an arm with a comma is no scenario."""
    return name if "," in name else scenario_phrase(name)


def comparisons(lab: Lab, seeds: int) -> list[ComparisonRecord]:
    """The shipped comparisons of two plans or more, with their first seeds only."""
    found = []
    for record in lab.store.comparisons(shipped=None):
        kept = sorted({run.spec.seed for run in record.runs})
        runs = tuple(run for run in record.runs if run.spec.seed in kept[:seeds])
        plans = {run.spec.scenario for run in runs}
        if len(plans) > 1 and len(kept) >= seeds and not record.spec.train_sizes:
            found.append(replace(record, runs=runs))
    return found


def sorted_out(marks: Mapping[tuple[str, str], str]) -> Verdicts:
    """Sorts (plan, task) by the mark of a table's cell."""
    return {
        task: {
            name: {plan for (plan, each), mark in marks.items() if each == task and mark == text}
            for name, text in MARKS.items()
        }
        for task in TASKS
    }


def in_note(lab: Lab, record: ComparisonRecord) -> Verdicts:
    def data_of(spec: RunSpec, examples: Mapping[str, int]) -> object:
        return sentences_of(spec, examples, lab.data.dataset)

    ids = [run.id for run in record.runs]
    report = load_report(lab.store, ids, lambda _: minilm(), data_of)  # type: ignore[arg-type]
    section = next(each for each in note_of(report, NOW).sections if each.title == "Result")
    table = next(block for block in section.blocks if isinstance(block, Table))
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return sorted_out(
        {
            (row["Plan"], task): row[f"{task_title(task)} against best"]
            for row in rows
            for task in TASKS
        }
    )


def on_page(lab: Lab, record: ComparisonRecord) -> Verdicts:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab.store, "comparison", lambda _: record)
        app = visited("compare", comparison=record.id)
    table: DataFrame = next(
        each.value for each in app.dataframe if "Frozen tensors" in each.value.columns
    )
    return sorted_out(
        {
            (row["Plan"], task): row[f"{letter} against best"]
            for _, row in table.iterrows()
            for letter, task in zip("AB", TASKS, strict=True)
        }
    )


def in_json(lab: Lab, record: ComparisonRecord) -> Verdicts:
    shown = load_results(lab.store, record, lab.settings)
    written = as_json(lab.store, record, shown)
    found = {}
    for task in TASKS:
        rows = written["verdicts"][task]
        named = {
            verdict: {phrase(row["scenario"]) for row in rows if row["verdict"] == verdict}
            for verdict in MARKS
        }
        best = {phrase(name) for name in written["best"][task]}
        assert best == named["best"] | named["equivalent"]
        found[task] = named
    return found


def in_text(lab: Lab, record: ComparisonRecord) -> Verdicts:
    shown = load_results(lab.store, record, lab.settings)
    labels = [plan.label for plan in shown.compared.plans.plans]
    found = {}
    for task in TASKS:
        parts = result_words(shown.compared.plans, task).split("; ")
        found[task] = {
            verdict: {
                phrase(name)
                for part in parts
                if part.startswith(words)
                for name in named_in(part.removeprefix(words), labels)
            }
            for verdict, words in WORDS.items()
        }
    return found


def named_in(text: str, labels: list[str]) -> set[str]:
    """The plans of a list; a label may contain a comma, and another label."""
    found = set()
    for label in sorted(labels, key=len, reverse=True):
        if label in text:
            found.add(label)
            text = text.replace(label, "")
    assert not text.strip(" ,"), text
    return found


@pytest.mark.parametrize("seeds", SEEDS)
def test_note_json_and_text_state_the_same_verdicts(lab: Lab, seeds: int) -> None:
    records = comparisons(lab, seeds)
    assert records
    for record in records:
        verdicts = in_note(lab, record)
        assert in_json(lab, record) == verdicts, record.name
        assert in_text(lab, record) == verdicts, record.name
        for task in TASKS:
            assert len(verdicts[task]["best"]) == (seeds > 1), record.name
            assert seeds > 1 or not any(verdicts[task].values()), record.name


@pytest.mark.parametrize("seeds", SEEDS)
def test_the_page_states_what_the_note_states(lab: Lab, seeds: int) -> None:
    record = max(comparisons(lab, seeds), key=lambda each: len({r.name for r in each.runs}))
    runs = tuple(run for run in record.runs if run.spec.scenario in COMPARED)
    record = replace(record, runs=runs or record.runs[:6])
    assert on_page(lab, record) == in_note(lab, record)


def against_in_note(lab: Lab, record: ComparisonRecord, name: str) -> Mapping[str, str]:
    """By letter and plan, the cells of the note's column against the plan `name`."""
    report = load_report(
        lab.store,
        [run.id for run in record.runs],
        lambda _: minilm(),
        lambda spec, examples: sentences_of(spec, examples, lab.data.dataset),
        record,
        reference=name,
    )
    assert report.reference_arm == "heads-only"
    sections = {each.title: each.blocks for each in note_of(report, NOW).sections}
    commands = [block.text for block in sections["Repeat the runs"] if isinstance(block, Code)]
    assert "\n  --reference heads-only" in commands[0]
    rows = list(csv.DictReader(io.StringIO(dict(tables_of(report))["against-reference.csv"])))
    table = next(block for block in sections["Result"] if isinstance(block, Table))
    cells = {
        f"{letter} {row[0]}": row[table.columns.index(f"{task_title(task)} against heads only")]
        for row in table.rows
        for letter, task in zip("AB", TASKS, strict=True)
    }
    letters = dict(zip(TASKS, "AB", strict=True))
    assert {f"{letters[row['task']]} {row['plan']}": row["verdict"] for row in rows} == {
        plan: cell.partition(",")[0] for plan, cell in cells.items() if cell != "–"
    }
    return {plan: cell for plan, cell in cells.items() if cell != "–"}


def test_page_note_json_and_text_agree_about_a_chosen_plan(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    record = max(comparisons(lab, 5), key=lambda each: len({run.name for run in each.runs}))
    runs = tuple(run for run in record.runs if run.spec.scenario in COMPARED)
    record = replace(record, runs=runs)
    by_scenario = against_in_note(lab, record, "heads-only")
    assert against_in_note(lab, record, "heads only") == by_scenario
    assert len(by_scenario) == 4  # two plans, two tasks

    results = load_results(lab.store, record, lab.settings, "heads-only")
    letters = dict(zip(TASKS, "AB", strict=True))
    written = {
        f"{letters[task]} {phrase(row['scenario'])}": row["verdict"]
        for task, rows in as_json(lab.store, record, results)["against_reference"].items()
        for row in rows
    }
    assert written == {plan: cell.partition(",")[0] for plan, cell in by_scenario.items()}

    print_results(record, results)
    text = capsys.readouterr().out
    for task, letter in letters.items():
        for scenario in ("top-1", "full"):
            cell = by_scenario[f"{letter} {phrase(scenario)}"]
            assert f"{task}, {scenario} against heads-only: {cell}" in text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab.store, "comparison", lambda _: record)
        app = visited("compare", comparison=record.id)
        app.selectbox(key="reference").set_value("heads only").run()
    assert not app.exception
    table = next(each.value for each in app.dataframe if "Frozen tensors" in each.value.columns)
    shown = {
        f"{letter} {row['Plan']}": row[f"{letter} against heads only"]
        for _, row in table.iterrows()
        for letter in "AB"
    }
    assert {plan: cell for plan, cell in shown.items() if cell} == by_scenario
    (command,) = [each.value for each in app.caption if "mtl_core export" in each.value]
    assert f"export {record.id} --reference 'heads only' --output" in command
    ids = [run.id for run in record.runs]
    note = note_of_runs(lab, ids, record, "heads only")
    assert "Sentiment against heads only" in note
    assert "--reference heads-only" in note
