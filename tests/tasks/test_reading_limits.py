"""What is read of one file is bounded, with file and line in the message."""

import json
from pathlib import Path
from time import process_time

import pytest

from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks import reading_limits
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.repeated import find_repeated
from mtl_core.tasks.split_words import split_words

SENTENCES = "text,label\nGood,up\nBad,down\n"
WORDS = "Ann\tB-PER\nsaw\tO\n"


def read(folder: Path, content: str, suffix: str) -> None:
    token = suffix in ("conll", "json")
    (folder / f"a.{suffix}").write_text(content, encoding="utf-8")
    (folder / "manifest.yaml").write_text(
        f"tasks: {{s: {{kind: {'token' if token else 'sentence'}, head: classifier, "
        f"train: a.{suffix}, validation: a.{suffix}}}}}"
    )
    load_dataset(str(folder), ANY_FILE)


def spans(text: str, *found: object) -> str:
    return json.dumps([{"text": text, "label": found}])


@pytest.mark.parametrize(
    ("content", "suffix", "problem"),
    [
        ("x\tO\n" * 20_001, "conll", r"^a\.conll, line 20001: .* more than the 20,000 words"),
        (f"{'x' * 100_001}\tO\n{WORDS}", "conll", r"^a\.conll, line 1: the word has 100,001 char"),
        (f"x\t{'T' * 1_001}\n{WORDS}", "conll", r"line 1: the label 'T{40}…' has 1,001 characters"),
        (
            f"{'x ' * 2_001}\n",
            "conll",
            r"line 1: the row has 2,001 fields, over the limit of 2,000",
        ),
        (f"text,label{',x' * 2_000}\n", "csv", r"^a\.csv, line 1: the row has 2,002 fields"),
        (f"{SENTENCES}{'x' * 100_001},up\n", "csv", r"line 4: the text has 100,001 characters"),
        (f'{SENTENCES}"{"x" * 140_000}",up\n', "csv", r"line 4: a field has more than the 100,000"),
        (
            f"{SENTENCES}x,{'u' * 1_001}\n",
            "csv",
            r"line 4: the label 'u{40}…' has 1,001 characters",
        ),
        (json.dumps({f"k{n}": 1 for n in range(2_001)}), "jsonl", r"line 1: the row has 2,001 fie"),
        (f'{{"text": {"[" * 100_000}\n', "jsonl", r"^a\.jsonl, line 1: is not an object of plain"),
        (f"[{'[' * 100_000}", "json", r"^a\.json, line 1: is not an object of plain values"),
        (spans("a " * 20_001), "json", r"line 1: the sentence has more than the 20,000 words"),
        (spans("a", *[[0, 1, "X"]] * 5_001), "json", r"line 1: the text has 5,001 spans"),
        (spans("a", [0, 1, "X" * 1_001]), "json", r"line 1: the label 'X{40}…' has 1,001"),
    ],
)
def test_what_is_over_a_limit_is_refused_with_its_line(
    tmp_path: Path, content: str, suffix: str, problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        read(tmp_path, content, suffix)


@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (SENTENCES + "Fine,up\n", "csv"),
        ("Ann\tB-PER\n\n" * 3, "conll"),
        ('{"a": 1}\n' * 3, "jsonl"),
    ],
)
def test_the_rows_of_a_file_are_counted_without_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, suffix: str
) -> None:
    monkeypatch.setattr(reading_limits, "ROWS", 2)
    with pytest.raises(
        DataError,
        match=r"has more than the 2 rows that are read" if suffix != "jsonl" else "no key",
    ):
        read(tmp_path, content, suffix)


def test_many_tasks_and_deep_manifests_are_refused(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    task = "{kind: sentence, head: h%d, train: a.csv, validation: a.csv}"
    manifest.write_text("tasks: {" + ", ".join(f"t{n}: {task % n}" for n in range(51)) + "}")
    with pytest.raises(DataError, match="has 51 tasks, over the limit of 50"):
        load_dataset(str(tmp_path), ANY_FILE)
    manifest.write_text("tasks:\n  " + "[" * 60_000)
    with pytest.raises(DataError, match=r"line 2: is not YAML \(nested too deeply to be read\)"):
        load_dataset(str(tmp_path), ANY_FILE)


def test_words_and_repeated_sentences_take_time_in_proportion_to_the_text() -> None:
    started = process_time()
    assert len(split_words("a" + "!" * 100_000)) == 100_001
    assert len(split_words("a." * 50_000 + "!" * 50_000)) == 50_001
    marks = "a" + "\u0315\u0300" * 30_000
    assert find_repeated([[marks], [marks.upper()]]).nearly == (marks.upper(),)
    assert process_time() - started < 5  # each took minutes
