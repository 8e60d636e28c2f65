"""Labelled sentences: CSV and TSV with a header, JSON lines, or a table of Arrow."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mtl_core.errors import DataError
from mtl_core.nearest import available_names
from mtl_core.tasks.contents import Content
from mtl_core.tasks.keyed_rows import keyed_rows, layout_of, string, value
from mtl_core.tasks.lines import ARROW_SUFFIXES, DataFile, Lines
from mtl_core.tasks.reading_limits import check_characters, check_label
from mtl_core.tasks.separated_values import (
    Quoting,
    Record,
    decided_quoting,
    records,
    refuse_swallowed_rows,
    separator_remedy,
)

DELIMITERS = {".csv": ",", ".tsv": "\t"}
SUFFIXES = (*DELIMITERS, ".jsonl", *ARROW_SUFFIXES)


@dataclass(frozen=True, slots=True)
class SentenceRow:
    """One labelled sentence and its first line."""

    line: int
    text: str
    label: str


@dataclass(frozen=True)
class SentenceFile:
    """All rows of a file, at least one.

    `layout` describes the format, the columns and the quoting that were read.
    """

    file: DataFile
    rows: tuple[SentenceRow, ...]
    layout: str = ""


def read_sentences(
    content: Content, text: str, label: str, quoting: Quoting | None = None
) -> SentenceFile:
    """Read the two named columns (or keys); the suffix of the file determines the format.

    `quoting` is what the manifest states about quotation marks; None: that of CSV in CSV files,
    and what the rows show in TSV files. Raises DataError with file and line for an unknown suffix,
    a missing column, a row with another number of fields than the header, an open quotation, rows
    within a quotation, an empty text or label, and no rows.
    """
    file = content.file
    if isinstance(content, Lines) and file.suffix not in SUFFIXES:
        raise DataError(
            f"{file.name} is not in a format for sentences. Formats: {', '.join(SUFFIXES)}."
        )
    if isinstance(content, Lines) and file.suffix in DELIMITERS:
        rows, layout = _table(content, file.suffix, text, label, quoting)
    else:
        rows = tuple(_row(file, *cell) for cell in _keyed_cells(content, text, label))
        layout = f"{layout_of(content)} (keys '{text}' and '{label}')"
    if not rows:
        raise DataError(f"{file.name} has a header and no rows. Add labelled sentences.")
    return SentenceFile(file, rows, layout)


def _row(file: DataFile, line: int, text: str, label: str) -> SentenceRow:
    if not text.strip():
        raise file.fault(line, "the text is empty. Write a sentence, or remove the row.")
    if not label.strip():
        raise file.fault(line, "the label is empty. Write a label, or remove the row.")
    check_characters(file, line, "the text", text)
    check_label(file, line, label)
    return SentenceRow(line, text, label.strip())


def _keyed_cells(content: Content, text: str, label: str) -> Iterator[tuple[int, str, str]]:
    file = content.file
    for line, row in keyed_rows(content, (text, label)):
        first, second = (
            string(file, line, key, value(file, line, row, key)) for key in (text, label)
        )
        yield line, first, second


def _table(
    lines: Lines, suffix: str, text: str, label: str, stated: Quoting | None
) -> tuple[tuple[SentenceRow, ...], str]:
    """The rows of CSV or TSV, and the layout."""
    delimiter = DELIMITERS[suffix]
    _refuse_other_separator(lines, delimiter, text, label)
    quoting = decided_quoting(lines, delimiter, stated)
    found = records(lines, delimiter, quoting)
    header_line, header = next(found)
    columns = [column.strip() for column in header]
    text_at, label_at = (_place(lines.file, header_line, columns, name) for name in (text, label))
    rows = tuple(_of_width(lines.file, record, len(columns), delimiter) for record in found)
    if quoting is Quoting.CSV and stated is None:
        labels = {fields[label_at].strip() for _, fields in rows}
        for record in rows:
            refuse_swallowed_rows(lines, record, delimiter, labels)
    return (
        tuple(_row(lines.file, line, each[text_at], each[label_at]) for line, each in rows),
        f"{suffix[1:].upper()} (columns '{text}' and '{label}' of {len(columns)}"
        f"{_quoting_in_words(lines, suffix, quoting)})",
    )


def _refuse_other_separator(lines: Lines, delimiter: str, text: str, label: str) -> None:
    """Raises DataError if the columns are separated by another character than the format's."""
    numbered = enumerate(lines.lines, start=1)
    number, header = next((number, line) for number, line in numbered if line.strip())
    remedy = separator_remedy(header, delimiter, (text, label))
    if remedy and delimiter not in header:
        _place(lines.file, number, [header.strip()], text, remedy)


def _of_width(file: DataFile, record: Record, width: int, delimiter: str) -> Record:
    """The record. Raises DataError unless it has `width` fields."""
    line, fields = record
    if len(fields) != width:
        remedy = "Put a text that contains the separator in double quotes."
        if delimiter == "\t":
            remedy = "Tabs separate the fields: remove those inside a text."
        raise file.fault(
            line, f"the row has {len(fields)} fields where the header has {width}. {remedy}"
        )
    return record


def _quoting_in_words(lines: Lines, suffix: str, quoting: Quoting) -> str:
    """What was decided about quotation marks, if there are any and it is not that of CSV files."""
    usual = suffix == ".csv" and quoting is Quoting.CSV
    if usual or not any('"' in line for line in lines.lines):
        return ""
    if quoting is Quoting.CSV:
        return "; quotation marks enclose fields"
    return "; quotation marks belong to the text"


def _place(file: DataFile, line: int, columns: list[str], name: str, remedy: str = "") -> int:
    """The place of a column. Raises DataError, which ends with `remedy`, if there is none."""
    if columns.count(name) > 1:
        raise file.fault(line, f"the column '{name}' appears twice. Rename one of them.")
    if name not in columns:
        one = len(columns) == 1 and re.search(r"[;,|\t]", columns[0])
        separator = "Fields are separated by commas in .csv and by tabs in .tsv. " if one else ""
        raise file.fault(
            line,
            f"there is no column '{name}'. {available_names(name, columns, 'Columns')} {separator}"
            f"Rename a column, or give the names of those of text and label: in the fields of the "
            f"Data page, or as the keys 'text' and 'label' of a manifest.{remedy}",
        )
    return columns.index(name)
