"""Prediction errors in the exported note and tables: confusions and changed answers."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtl_core.analysis.errors import LabelDifference
from mtl_core.export.html import as_html
from mtl_core.export.markdown import as_markdown
from mtl_core.export.tables import tables_of
from mtl_core.file_access import ANY_FILE
from mtl_core.report.blocks import Figures, Note, Section, Table, Text
from mtl_core.report.errors import some_of_each
from mtl_core.report.load import Report, load_report
from mtl_core.report.note import note_of
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.training.events import Answers, RunEvent
from mtl_core.training.spec import RunSpec
from tests.export.finished_run import finished
from tests.run_story import Story, minilm

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SENTENCES = (
    ("=HYPERLINK(0) was good", "positive"),
    ("<b onmouseover=alert(1)>bad</b> | not good", "negative"),
    *((f"good number {number}", "positive") for number in range(2, 8)),
)
NEGATIVE, POSITIVE = 0, 1
RIGHT = tuple(POSITIVE if label == "positive" else NEGATIVE for _, label in SENTENCES)
Keep = Callable[[Iterable[RunEvent]], str]


@pytest.fixture
def data(tmp_path: Path) -> str:
    """Eight reviews, two of them hostile, and one sentence with entities."""
    lines = ["text,label", *(f'"{text}",{label}' for text, label in SENTENCES)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    words = "Anna\tB-PER\nsaw\tO\nOslo\tB-LOC\n\nAcme\tB-ORG\n\n"
    (tmp_path / "b.conll").write_text(words, encoding="utf-8")
    manifest = (
        "tasks:\n"
        "  sentiment: {kind: sentence, head: classifier, train: a.csv, validation: a.csv}\n"
        "  ner: {kind: token, head: ner, train: b.conll, validation: b.conll}\n"
    )
    path = tmp_path / "manifest.yaml"
    path.write_text(manifest, encoding="utf-8")
    return str(path)


def answered(
    scenario: str,
    labels: tuple[int, ...],
    data: str,
    seed: int = 0,
    examples: Mapping[str, int] | None = None,
) -> Story:
    """A finished run that answered the reviews as given, and each sentence with entities with a
    person in its first word."""
    story = finished(scenario, 0.8, 0.4, seed=seed, data=data, examples=dict(examples or {}))
    predictions = Answers(
        elapsed_seconds=story.seconds,
        step=4,
        split="validation",
        places={"sentiment": tuple(range(len(labels))), "ner": (8, 9)},
        answers={"sentiment": labels, "ner": ((1, 0, 0), (1,))},
    )
    story.events.insert(-1, predictions)
    return story


def changed(*places: int) -> tuple[int, ...]:
    """Right answers but for the reviews at `places`."""
    return tuple(1 - each if place in places else each for place, each in enumerate(RIGHT))


@pytest.fixture
def both_plans(store: RunStore, keep: Keep, data: str) -> Report:
    """Heads only and full with two seeds each; with seed 0 they differ on seven reviews."""
    ids = [
        keep(answered("heads-only", changed(2, 3, 4), data)),
        keep(answered("full", changed(0, 1, 5, 6), data)),
        keep(answered("heads-only", changed(2), data, seed=1)),
        keep(answered("full", changed(), data, seed=1)),
    ]
    return load_report(store, ids, lambda _: minilm(), sample_of)


def sample_of(spec: RunSpec, examples: Mapping[str, int]) -> Dataset:
    return load_dataset(spec.data, ANY_FILE, examples)


def section(note: Note) -> Section:
    return next(each for each in note.sections if each.title == "Prediction errors")


def tables(note: Note) -> Iterator[Table]:
    return (block for block in section(note).blocks if isinstance(block, Table))


def rows_of(report: Report, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(dict(tables_of(report))[name])))


def test_the_note_has_the_confusion_matrices_of_two_plans(both_plans: Report) -> None:
    found = next(
        each for each in section(note_of(both_plans, NOW)).blocks if isinstance(each, Figures)
    )
    assert [(each.name, each.title) for each in found.drawings] == [
        (
            "confusion-1-sentiment-1-heads-only",
            "heads only, positive predicted as negative 4 times",
        ),
        ("confusion-1-sentiment-2-full", "full, positive predicted as negative 3 times"),
        ("confusion-2-ner-1-heads-only", "heads only, ORG predicted as PER 2 times"),
        ("confusion-2-ner-2-full", "full, ORG predicted as PER 2 times"),
    ]
    assert found.drawings[0].caption == "Sum over 2 seeds. Correct predictions in colour."


def test_the_note_has_some_sentences_of_each_kind_and_their_number(
    both_plans: Report,
) -> None:
    note = note_of(both_plans, NOW)
    (table,) = tables(note)
    assert table.columns == ("Change", "Sentence", "Correct label", "heads only", "full")
    assert [row[0] for row in table.rows] == ["✓ → ✕"] * 3 + ["✕ → ✓"] * 2
    assert table.rows[0][1:] == (*("=HYPERLINK(0) was good", "positive", "positive", "negative"),)
    texts = [each.text for each in section(note).blocks if isinstance(each, Text)]
    assert texts[0] == (
        "Sentiment: full labels 7 sentences differently. From heads only, seed 0, to full, "
        "seed 0: 3 gained, 4 lost. 5 of them:"
    )
    assert texts[1].startswith("NER: heads only and full label every sentence the same")
    assert "tables/changed-answers.csv" in texts[-1]


def test_sentences_are_escaped_in_either_form_of_the_note(both_plans: Report) -> None:
    note = note_of(both_plans, NOW)
    page, text = as_html(note), as_markdown(note, "figures")
    assert "&lt;b onmouseover=alert(1)&gt;bad&lt;/b&gt; | not good" in page
    assert "<b onmouseover" not in page
    assert r"| &lt;b onmouseover=alert(1)&gt;bad&lt;/b&gt; \| not good |" in text
    assert "<b onmouseover" not in text


def test_every_changed_sentence_of_every_seed_is_in_the_csv_without_formulas(
    both_plans: Report,
) -> None:
    rows = rows_of(both_plans, "changed-answers.csv")
    assert [(row["task"], row["seed"], row["sentence_number"]) for row in rows] == [
        *(("sentiment", "0", str(number)) for number in range(1, 8)),
        ("sentiment", "1", "3"),
    ]
    assert rows[0]["sentence"] == "'=HYPERLINK(0) was good"
    assert (rows[-1]["in_data"], rows[-1]["heads only"], rows[-1]["full"]) == (
        *("positive", "negative", "positive"),
    )


def test_every_confusion_of_every_plan_is_counted_in_the_csv(both_plans: Report) -> None:
    rows = rows_of(both_plans, "confusion.csv")
    ours = [row for row in rows if (row["plan"], row["task"]) == ("heads only", "sentiment")]
    assert [(row["in_data"], row["answered"], row["count"], row["seeds"]) for row in ours] == [
        ("negative", "negative", "2", "2"),
        ("positive", "negative", "4", "2"),
        ("positive", "positive", "10", "2"),
    ]
    entities = [row for row in rows if (row["plan"], row["task"]) == ("full", "ner")]
    assert [(row["in_data"], row["answered"], row["count"]) for row in entities] == [
        ("PER", "PER", "2"),
        ("LOC", "no entity", "2"),
        ("ORG", "PER", "2"),
    ]


def test_a_plan_without_a_run_of_a_seed_has_empty_cells(
    store: RunStore, keep: Keep, data: str
) -> None:
    ids = [
        keep(answered("heads-only", changed(2), data)),
        keep(answered("full", changed(), data)),
        keep(answered("top-1", changed(), data, seed=5)),
    ]
    report = load_report(store, ids, lambda _: minilm(), sample_of)
    (row,) = rows_of(report, "changed-answers.csv")
    assert (row["seed"], row["heads only"], row["full"]) == ("0", "negative", "positive")
    assert row["top layer"] == ""


def test_with_several_numbers_of_sentences_the_largest_is_used_and_named(
    store: RunStore, keep: Keep, data: str
) -> None:
    few = {"sentiment": 2, "ner": 2}
    ids = [
        keep(answered(name, changed(2), data, examples=limits))
        for name in ("heads-only", "full")
        for limits in (few, {})
    ]
    report = load_report(store, ids, lambda _: minilm(), sample_of)
    rows = rows_of(report, "confusion.csv")
    assert {row["training_sentences"] for row in rows} == {"all"}
    assert (
        Text("Only runs with all sentences are included.") in section(note_of(report, NOW)).blocks
    )


def test_a_single_run_has_its_confusions_and_no_comparison(
    store: RunStore, keep: Keep, data: str
) -> None:
    report = load_report(
        store, [keep(answered("full", changed(2), data))], lambda _: minilm(), sample_of
    )
    note = note_of(report, NOW)
    assert [type(each) for each in section(note).blocks] == [Figures]
    assert "confusion.csv" in dict(tables_of(report))
    assert "changed-answers.csv" not in dict(tables_of(report))


@pytest.mark.parametrize("gone", [True, False], ids=["data gone", "no answers"])
def test_without_data_or_predictions_there_is_no_section(
    store: RunStore, keep: Keep, data: str, gone: bool
) -> None:
    make = answered if gone else lambda scenario, _, data: finished(scenario, 0.8, 0.4, data=data)
    ids = [keep(make(scenario, changed(2), data)) for scenario in ("heads-only", "full")]
    report = load_report(store, ids, lambda _: minilm(), (lambda *_: None) if gone else sample_of)
    assert "Prediction errors" not in [each.title for each in note_of(report, NOW).sections]
    assert not {"confusion.csv", "changed-answers.csv"} & set(dict(tables_of(report)))


def test_sentences_of_each_kind_are_selected_in_their_order() -> None:
    lost = [LabelDifference("test", position, "a", "a", "b") for position in range(4)]
    won = [LabelDifference("test", 9, "a", "b", "a")]
    neither = replace(won[0], position=7, second="c")
    found = [*lost, *won, neither]
    assert some_of_each(found, 5) == [*lost[:3], *won, neither]
    assert some_of_each(lost, 5) == lost
    assert some_of_each([], 5) == []


def test_the_note_states_how_data_were_read_once_for_all_plans(
    store: RunStore, keep: Keep, data: str
) -> None:
    reading = load_dataset(data, ANY_FILE).readings["ner"].line
    ids = []
    for scenario in ("heads-only", "full"):
        story = answered(scenario, RIGHT, data)
        noted = {"notes": (reading, f"A note on {scenario}.")}
        story.events[0] = story.events[0].model_copy(update=noted)
        ids.append(keep(story))
    note = note_of(load_report(store, ids, lambda _: minilm(), sample_of), NOW)
    texts = [
        block.text
        for section in note.sections
        for block in section.blocks
        if isinstance(block, Text)
    ]
    lines = [each for each in texts if "was read as" in each or "A note on" in each]
    assert lines == [reading, "heads only: A note on heads-only.", "full: A note on full."]
