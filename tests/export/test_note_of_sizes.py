"""The note and the tables of a comparison with several numbers of training sentences."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mtl_core.export.tables import tables_of
from mtl_core.file_access import ANY_FILE
from mtl_core.report.blocks import Figures, Note, Section, Table, Text
from mtl_core.report.load import Report
from mtl_core.report.note import note_of
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.training.events import RunEvent
from mtl_core.training.spec import RunSpec
from tests.sized_story import of_two_plans


@pytest.fixture
def sized(keep: Callable[[Iterable[RunEvent]], str], read: Callable[..., Report]) -> Report:
    """Two plans with three numbers of sentences and three seeds."""
    return read(*(keep(story) for story in of_two_plans()))


def note(report: Report) -> Note:
    return note_of(report, datetime(2026, 11, 24, tzinfo=UTC))


def section(report: Report, title: str) -> Section:
    return next(each for each in note(report).sections if each.title == title)


def test_the_note_starts_with_the_curve_and_continues_at_the_largest_number(
    sized: Report,
) -> None:
    sized_note = note(sized)
    assert sized_note.title == (
        "Sentiment: full beats heads only from 50 sentences on. "
        "NER: full beats heads only from 50 sentences on"
    )
    assert sized_note.facts[0] == "2 plans, 18 runs"
    assert "20, 50 and all sentences per task" in sized_note.facts
    assert [each.title for each in sized_note.sections][:4] == [
        "Result",
        "Quality by training sentences",
        "Quality and cost",
        "Scores and costs",
    ]
    scores = section(sized, "Result").blocks[2]
    assert isinstance(scores, Table)
    assert [row[:3] for row in scores.rows] == [
        ("full", "0.900 (0.891 to 0.910)", "best"),
        ("heads only", "0.700 (0.690 to 0.710)", "−0.200"),
    ]


def test_a_column_of_the_table_is_a_number_of_sentences(sized: Report) -> None:
    figures = section(sized, "Result").blocks[0]
    assert isinstance(figures, Figures)
    blocks = section(sized, "Quality by training sentences").blocks
    assert [each.title for each in figures.drawings] == [
        "both equivalent with 20 sentences, full best with all"
    ] * 2
    sentiment, ner = (each for each in blocks if isinstance(each, Table))
    assert sentiment.columns == ("Plan", "20", "50", "all")
    assert ner.rows[1][3] == "0.400 (0.390 to 0.410)"
    last = blocks[-1]
    assert isinstance(last, Text)
    assert "the runs with all sentences, the largest number" in last.text


def test_the_proof_counts_every_run_under_its_number(sized: Report) -> None:
    (table,) = (
        each
        for each in section(sized, "Proof that frozen tensors did not change").blocks
        if isinstance(each, Table)
    )
    assert [row[0] for row in table.rows] == [
        f"{plan}, {size} sentences"
        for size in ("all", "50", "20")
        for plan in ("heads only", "full")
    ]


def test_the_csv_has_a_row_for_each_plan_number_and_task(sized: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(dict(tables_of(sized))["plans.csv"])))
    assert len(rows) == 2 * 3 * 2
    assert [(row["plan"], row["training_sentences"], row["verdict"]) for row in rows[-4::2]] == [
        ("heads only, 20 sentences", "20", "equivalent"),
        ("full, 20 sentences", "20", "best"),
    ]
    names = {
        row["name"] for row in csv.DictReader(io.StringIO(dict(tables_of(sized))["fronts.csv"]))
    }
    assert names == {"heads only", "full", "untrained heads"}


def test_baselines_learn_from_as_many_sentences_as_the_plans_beside_them(sized: Report) -> None:
    asked: list[int] = []

    def sample(spec: RunSpec, examples: Mapping[str, int]) -> Dataset:
        return load_dataset(spec.data, ANY_FILE, examples)

    def counted(data: Dataset) -> tuple[Baseline, ...]:
        asked.append(len(data.train))
        share = len(data.train) / 1000
        values = {"sentiment": share, "ner": share}
        return (Baseline(name="words", label="bag of words", values=values, meaning=""),)

    known = replace(sized, data_of=sample, baselines_of=counted)
    figures = section(known, "Result").blocks[0]
    assert isinstance(figures, Figures)
    line = next(
        each for each in figures.drawings[0].light["data"] if each["name"] == "bag of words"
    )
    assert line["y"] == [0.04, 0.1, 0.8]
    assert sorted(set(asked)) == [40, 100, 800]
    assert "Dotted: baselines trained on the same number." in figures.drawings[0].caption
