"""The records of CSV and TSV files.

In CSV a field in double quotes may contain separators, line ends and quotes written twice (RFC
4180). In TSV tabs and line feeds delimit and quotation marks belong to the text, unless the file
was evidently written with the quoting of CSV.
"""

import csv
from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum

from mtl_core.errors import DataError
from mtl_core.tasks.lines import LINE_ENDS, Lines, refuse_carriage_returns
from mtl_core.tasks.reading_limits import CHARACTERS, check_fields, check_rows
from mtl_core.text import shortened

Record = tuple[int, list[str]]
"""The number of the first line of a record, and its fields."""

_QUOTE = '"'
_LEAST_ROWS = 2  # of a column in quotation marks, as evidence for quoting
_SEPARATORS = {";": "semicolons", "\t": "tabs", ",": "commas", "|": "vertical bars"}


class Quoting(StrEnum):
    """What a double quote means: `csv`, it encloses a field; `none`, it belongs to the text."""

    CSV = "csv"
    NONE = "none"


def decided_quoting(lines: Lines, delimiter: str, stated: Quoting | None) -> Quoting:
    """The quoting of a file: what the manifest states, or CSV's for CSV, or what TSV shows.

    Raises DataError for a TSV file in which quotation marks may be either.
    """
    if stated is not None:
        return stated
    return Quoting.CSV if delimiter == "," else _quoting_of_tsv(lines, delimiter)


def records(lines: Lines, delimiter: str, quoting: Quoting) -> Iterator[Record]:
    """Each record that is not blank, with its first line.

    Raises DataError for a carriage return in a record without quoting, for malformed quoting, and
    for a record over the limits.
    """
    if quoting is Quoting.NONE:
        refuse_carriage_returns(lines)
    found = _plain(lines, delimiter) if quoting is Quoting.NONE else _quoted(lines, delimiter)
    for number, (line, fields) in enumerate(found):  # the header is no row
        check_rows(lines.file, number)
        check_fields(lines.file, line, len(fields))
        yield line, fields


def refuse_swallowed_rows(
    lines: Lines, record: Record, delimiter: str, labels: Collection[str]
) -> None:
    """Raises DataError for a quoted text over several lines that look like rows.

    A text that begins with a quotation mark of its own may swallow the rows up to the next one. A
    line of it then begins or ends with a label, next to a separator.
    """
    line, fields = record
    for field in fields:
        for inner in field.split("\n") if "\n" in field else ():
            parts = [part.strip(f" {_QUOTE}") for part in inner.split(delimiter)]
            if len(parts) > 1 and (parts[0] in labels or parts[-1] in labels):
                raise lines.file.fault(
                    line,
                    "a text begins here with a quotation mark and ends at the next one, on a later "
                    f"line, but '{shortened(inner)}' looks like a row. If the quotation mark "
                    "belongs to the text, enclose the text in double quotes and write this one "
                    "twice; if it encloses the text, write quoting: csv in the manifest.",
                )


def separator_remedy(header: str, delimiter: str, names: Sequence[str]) -> str:
    """What to do about a header that is separated by something else, or an empty text."""
    for other, plural in _SEPARATORS.items():
        columns = [column.strip(f" {_QUOTE}") for column in header.split(other)]
        if other != delimiter and all(name in columns for name in names):
            return (
                f" The header is separated by {plural}: save the file as CSV with commas, or as "
                "TSV with tabs."
            )
    return ""


def _plain(lines: Lines, delimiter: str) -> Iterator[Record]:
    numbered = enumerate(lines.lines, start=1)
    return ((number, line.split(delimiter)) for number, line in numbered if line)


def _quoted(lines: Lines, delimiter: str) -> Iterator[Record]:
    reader = csv.reader((line + "\n" for line in lines.lines), delimiter=delimiter, strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field larger than" in str(error):
                raise lines.file.fault(
                    begins,
                    f"a field has more than the {CHARACTERS:,} characters that are read. Close "
                    "each double quote, or split the text.",
                ) from error
            line_ends = f" {LINE_ENDS}." if "\r" in lines.lines[begins - 1] else ""
            raise lines.file.fault(
                begins,
                f"the row that begins here is malformed ({error}). Close each double quote, "
                f"and write a double quote inside a text twice.{line_ends}",
            ) from error
        if record:
            yield begins, record


def _quoting_of_tsv(lines: Lines, delimiter: str) -> Quoting:
    """Decide by the rows: only one way of reading gives every row the fields of the header."""
    if not any(_QUOTE in line for line in lines.lines):
        return Quoting.NONE
    plain, quoted = list(_plain(lines, delimiter)), _parsed(lines, delimiter)
    if quoted is None or not _even(quoted):
        return Quoting.NONE
    if not _even(plain):
        _refuse_tabs_in_long_fields(lines, delimiter, quoted)
        return Quoting.CSV
    differing = [row for row, other in zip(plain, quoted, strict=False) if row[1] != other[1]]
    if len(quoted) < len(plain) or not differing:
        return Quoting.NONE  # every line is a row by itself
    if _evidence_for_quoting([fields for _, fields in plain]):
        return Quoting.CSV
    line, fields = differing[0]
    enclosed = max(fields, key=lambda field: (_enclosed(field), _QUOTE in field))
    raise lines.file.fault(
        line,
        f"the quotation marks around {shortened(enclosed)} may belong to the text, or enclose it "
        "as in CSV. Write quoting: none (they belong to the text) or quoting: csv in the manifest.",
    )


def _parsed(lines: Lines, delimiter: str) -> list[Record] | None:
    """The records with the quoting of CSV; None if it is malformed."""
    try:
        return list(_quoted(lines, delimiter))
    except DataError:
        return None


def _even(found: Sequence[Record]) -> bool:
    """Whether all records have as many fields as the first one."""
    return len({len(fields) for _, fields in found}) == 1


def _refuse_tabs_in_long_fields(lines: Lines, delimiter: str, found: Sequence[Record]) -> None:
    """Raises DataError for a quoted field of several lines with tabs: it may swallow rows."""
    for line, fields in found:
        for field in fields:
            if "\n" in field and delimiter in field:
                raise lines.file.fault(
                    line,
                    "a text begins here with a quotation mark and contains tabs and line ends up "
                    "to the next one. Write quoting: none (quotation marks belong to the text) or "
                    "quoting: csv (they enclose it) in the manifest.",
                )


def _evidence_for_quoting(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the header is in quotation marks, or a column, or a text has doubled ones inside."""
    header, *others = rows
    if any(map(_enclosed, header)):
        return True
    columns = list(zip(*others, strict=True)) if len(others) >= _LEAST_ROWS else []
    return any(all(map(_enclosed, column)) for column in columns) or any(
        _enclosed(field) and _QUOTE * 2 in field[1:-1] for row in others for field in row
    )


def _enclosed(field: str) -> bool:
    return len(field) > 1 and field[0] == field[-1] == _QUOTE
