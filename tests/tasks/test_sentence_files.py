"""Labelled sentences in CSV, TSV and JSON lines."""

import re
from pathlib import Path

import pytest

from mtl_core.errors import DataError
from mtl_core.tasks.lines import DataFile, read_lines
from mtl_core.tasks.sentence_files import SentenceRow, read_sentences

ROWS = (SentenceRow(2, "Good, really.", "positive"), SentenceRow(3, "Bad.", "negative"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(
    folder: Path, name: str, content: str, text: str = "text", label: str = "label"
) -> tuple[SentenceRow, ...]:
    (folder / name).write_bytes(content.encode())
    lines = read_lines(DataFile(name=name, path=folder / name))
    return read_sentences(lines, text, label).rows


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\n"Good, really.",positive\nBad.,negative\n'),
        ("a.csv", '\ufefftext,label\r\n"Good, really.",positive\r\nBad.,negative\r\n'),
        ("a.csv", 'label, text ,stars\n positive ,"Good, really.",5\nnegative,Bad.,1\n\n'),
        ("a.tsv", "text\tlabel\nGood, really.\tpositive\nBad.\tnegative"),
        (
            "a.jsonl",
            '\n{"text": "Good, really.", "label": "positive"}\n'
            '{"label": "negative", "text": "Bad.", "stars": 1}\n',
        ),
    ],
    ids=["csv", "csv of Windows", "csv with more columns", "tsv", "json lines"],
)
def test_every_format_gives_the_same_rows(folder: Path, name: str, content: str) -> None:
    assert read(folder, name, content) == ROWS


def test_other_columns_can_be_named(folder: Path) -> None:
    content = "text,label,title\nlong,1,short\n"
    assert read(folder, "a.csv", content, text="title") == (SentenceRow(2, "short", "1"),)


def test_a_quoted_text_may_span_lines_and_later_rows_keep_their_line(folder: Path) -> None:
    rows = read(folder, "a.csv", 'text,label\n"one\r\ntwo ""three""",x\nfour,y\n')
    assert rows == (SentenceRow(2, 'one\ntwo "three"', "x"), SentenceRow(4, "four", "y"))


def test_whole_numbers_in_json_are_labels(folder: Path) -> None:
    assert read(folder, "a.jsonl", '{"text": "Good.", "label": 1}') == (
        SentenceRow(1, "Good.", "1"),
    )


FAULTS = {
    "no such column": (
        "a.csv",
        "texts,labels\nGood.,positive\n",
        "a.csv, line 1: there is no column 'text'. Nearest: 'texts'. "
        "Columns: 'texts', 'labels'. Rename a column, or give the names of those of text and label",
    ),
    "another separator": (
        "a.csv",
        "text;label\nGood.;positive\n",
        "line 1: there is no column 'text'. Nearest: 'text;label'. Columns: 'text;label'.",
    ),
    "a column twice": (
        "a.csv",
        "text,label,text\na,b,c\n",
        "line 1: the column 'text' appears twice. Rename one of them.",
    ),
    "a header alone": ("a.csv", "text,label\n", "a.csv has a header and no rows. Add"),
    "a comma without quotes": (
        "a.csv",
        "text,label\nGood.,positive\nGood, really.,positive\n",
        "line 3: the row has 3 fields where the header has 2. Put a text",
    ),
    "too few fields": (
        "a.csv",
        "text,label\nGood.\n",
        "line 2: the row has 1 fields where the header has 2.",
    ),
    "a quote left open": (
        "a.csv",
        'text,label\nfine,positive\n"Good.,positive\nBad.,negative\n',
        "line 3: the row that begins here is malformed (unexpected end of data). Close each",
    ),
    "a quote closed too early": (
        "a.csv",
        'text,label\n"Good" they said,positive\n',
        "line 2: the row that begins here is malformed (',' expected after '\"'). Close each",
    ),
    "a carriage return inside": (
        "a.csv",
        "text,label\nGood.\rBad.,positive\n",
        "line 2: the row that begins here is malformed",
    ),
    "an empty text": (
        "a.csv",
        'text,label\nGood.,positive\n"  ",negative\n',
        "line 3: the text is empty. Write a sentence, or remove the row.",
    ),
    "an empty label": (
        "a.csv",
        "text,label\nGood.,\n",
        "line 2: the label is empty. Write a label, or remove the row.",
    ),
    "an unknown suffix": (
        "a.xlsx",
        "text,label\n",
        "a.xlsx is not in a format for sentences. Formats: .csv, .tsv, .jsonl, .parquet, .arrow.",
    ),
    "broken JSON": (
        "a.jsonl",
        '{"text": "Good.", "label": "x"}\n{"text": "Bad."\n',
        "line 2: is not JSON (Expecting ',' delimiter at position 16). Write one object per line.",
    ),
    "JSON that is no object": ("a.jsonl", "[1]\n", "line 1: is not a JSON object. Write one"),
    "JSON nested too deeply": ("a.jsonl", "[" * 100_000, "line 1: is not an object of plain"),
    "a number too long": ("a.jsonl", "9" * 10_000, "line 1: is not an object of plain values."),
    "a key twice": (
        "a.jsonl",
        '{"text": "Good.", "label": "x", "label": "y"}',
        "line 1: the key 'label' is repeated in an object. Write one object per line.",
    ),
    "no such key": (
        "a.jsonl",
        '{"txt": "Good.", "label": "x"}',
        "line 1: there is no key 'text'. Nearest: 'txt'. Keys: 'txt', 'label'.",
    ),
    "a label that is no string": (
        "a.jsonl",
        '{"text": "Good.", "label": null}',
        "line 1: 'label' holds null, not a string. Write it in quotation marks.",
    ),
    "half a character": (
        "a.jsonl",
        '{"text": "Good \\ud83d", "label": "x"}',
        "line 1: 'text' contains half of a surrogate pair",
    ),
    "a NUL written out": (
        "a.jsonl",
        '{"text": "Good \\u0000", "label": "x"}',
        "line 1: 'text' contains a NUL character. Remove it.",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), FAULTS.values(), ids=FAULTS)
def test_an_error_names_file_line_and_remedy(
    folder: Path, name: str, content: str, message: str
) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        read(folder, name, content)
