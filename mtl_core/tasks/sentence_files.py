"""Labelled sentences: CSV and TSV with a header, or JSON lines."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from mtl_core.errors import DataError
from mtl_core.nearest import available_names
from mtl_core.tasks import json_lines
from mtl_core.tasks.lines import DataFile, Lines

DELIMITERS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (*DELIMITERS, ".jsonl")


@dataclass(frozen=True, slots=True)
class SentenceRow:
    """One labelled sentence and its first line."""

    line: int
    text: str
    label: str


@dataclass(frozen=True)
class SentenceFile:
    """All rows of a file, at least one."""

    file: DataFile
    rows: tuple[SentenceRow, ...]


def read_sentences(lines: Lines, text: str, label: str) -> SentenceFile:
    """Read the two named columns (or keys); the suffix of the file determines the format.

    Raises DataError with file and line for an unknown suffix, a missing column, a row with another
    number of fields than the header, an open quotation, an empty text or label, and no rows.
    """
    file = lines.file
    suffix = PurePath(file.name).suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"{file.name} is not a format for sentences. Formats: {', '.join(SUFFIXES)}."
        )
    if suffix == ".jsonl":
        cells = _json_cells(lines, text, label)
    else:
        cells = _table_cells(lines, DELIMITERS[suffix], text, label)
    rows = tuple(_row(file, *cell) for cell in cells)
    if not rows:
        raise DataError(f"{file.name} has a header and no rows. Add labelled sentences.")
    return SentenceFile(file, rows)


def _row(file: DataFile, line: int, text: str, label: str) -> SentenceRow:
    if not text.strip():
        raise file.fault(line, "the text is empty. Write a sentence, or remove the row.")
    if not label.strip():
        raise file.fault(line, "the label is empty. Write a label, or remove the row.")
    return SentenceRow(line, text, label.strip())


def _json_cells(lines: Lines, text: str, label: str) -> Iterator[tuple[int, str, str]]:
    for line, row in json_lines.objects(lines):
        found = (json_lines.value(lines.file, line, row, key) for key in (text, label))
        cells = zip((text, label), found, strict=True)
        first, second = (json_lines.string(lines.file, line, key, cell) for key, cell in cells)
        yield line, first, second


def _table_cells(
    lines: Lines, delimiter: str, text: str, label: str
) -> Iterator[tuple[int, str, str]]:
    records = _records(lines, delimiter)
    header_line, header = next(records)
    columns = [column.strip() for column in header]
    places = [_place(lines.file, header_line, columns, name) for name in (text, label)]
    for line, record in records:
        if len(record) != len(columns):
            raise lines.file.fault(
                line,
                f"the row has {len(record)} fields where the header has {len(columns)}. "
                "Put a text that contains the separator in double quotes.",
            )
        yield line, record[places[0]], record[places[1]]


def _place(file: DataFile, line: int, columns: list[str], name: str) -> int:
    if columns.count(name) > 1:
        raise file.fault(line, f"the column '{name}' appears twice. Rename one of them.")
    if name not in columns:
        raise file.fault(
            line,
            f"there is no column '{name}'. {available_names(name, columns, 'Columns')} "
            "Name the columns of text and label; in a manifest, with these two keys.",
        )
    return columns.index(name)


def _records(lines: Lines, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with its first line; quoted text may span several lines."""
    reader = csv.reader((line + "\n" for line in lines.lines), delimiter=delimiter, strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise lines.file.fault(
                begins,
                f"the row that begins here is malformed ({error}). Close each double quote, "
                "and write a double quote inside a text twice.",
            ) from error
        if record:
            yield begins, record
