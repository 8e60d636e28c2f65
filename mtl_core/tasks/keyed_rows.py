"""Rows whose values have keys: JSON lines, a JSON array, or a table of Arrow."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from typing import Any

from mtl_core.nearest import available_names
from mtl_core.tasks.arrow_files import ArrowTable
from mtl_core.tasks.contents import Content
from mtl_core.tasks.lines import (
    ARROW_SUFFIXES,
    JSON_SUFFIX,
    LINE_ENDS,
    DataFile,
    Lines,
    unstorable,
)
from mtl_core.tasks.reading_limits import check_characters, check_fields, check_rows, check_words
from mtl_core.text import shortened

_LARGEST_NUMBER = 10**18  # of a label or an id
_NO_BLANK = re.compile(r"[^ \t\r\n]")
_ARRAY = "Write one array of objects: [{…}, {…}]; a file of one object per line ends in .jsonl."
KEYED_SUFFIXES = (".jsonl", JSON_SUFFIX, *ARROW_SUFFIXES)
Row = tuple[int, dict[str, Any]]
"""The number of the first line, or of the row in a table, and the values by key."""


def has_keys(file: DataFile) -> bool:
    """Whether the values of a file have keys, rather than places in a line."""
    return file.suffix in KEYED_SUFFIXES or file.has_rows


def keyed_rows(content: Content, keys: Sequence[str]) -> Iterator[Row]:
    """The rows of a file. Of a table only the columns `keys` are read; others are None.

    Blank lines are skipped. Raises DataError for what is no object, or no JSON, or over a limit.
    """
    for number, (line, row) in enumerate(_rows(content, keys), start=1):
        check_rows(content.file, number)
        check_fields(content.file, line, len(row))
        yield line, row


def _rows(content: Content, keys: Sequence[str]) -> Iterator[Row]:
    if isinstance(content, ArrowTable):
        return content.rows(keys)
    if content.file.suffix == JSON_SUFFIX:
        return _objects_of_array(content)
    return _objects_of_lines(content)


def layout_of(content: Content) -> str:
    """The name of the format: `JSON lines`, `JSON`, `Parquet`, `Arrow`."""
    if isinstance(content, ArrowTable):
        return content.layout
    return "JSON" if content.file.suffix == JSON_SUFFIX else "JSON lines"


def value(file: DataFile, line: int, row: dict[str, Any], key: str) -> Any:
    """The value of `key`. Raises DataError with the available keys."""
    if key not in row:
        raise file.fault(
            line, f"there is no key '{key}'. {available_names(key, list(row), 'Keys')}"
        )
    return row[key]


def string(file: DataFile, line: int, key: str, found: Any) -> str:
    """A string, or a whole number converted to one (labels are often 0 and 1)."""
    if isinstance(found, int) and not isinstance(found, bool) and abs(found) < _LARGEST_NUMBER:
        return str(found)
    if not isinstance(found, str):
        remedy = "Write text." if file.has_rows else "Write it in quotation marks."
        raise file.fault(line, f"'{key}' holds {_in_json(found)}, not a string. {remedy}")
    check_characters(file, line, f"'{key}'", found)
    if (fault := unstorable(found)) is not None:
        raise file.fault(line, f"'{key}' {fault}.")
    return found


def strings(file: DataFile, line: int, key: str, found: Any) -> tuple[str, ...]:
    """A list of strings."""
    if not isinstance(found, list):
        raise file.fault(
            line,
            f"'{key}' holds {_in_json(found)}, not a list. Write one entry for each word.",
        )
    check_words(file, line, len(found))
    return tuple(string(file, line, key, entry) for entry in found)


def _objects_of_lines(lines: Lines) -> Iterator[Row]:
    for number, line in enumerate(lines.lines, start=1):
        if line.strip():
            yield number, _object(lines.file, number, line)


def _objects_of_array(lines: Lines) -> Iterator[Row]:
    """The objects of one JSON array, each with the line on which it begins."""
    file, text = lines.file, "\n".join(lines.lines)
    place, line = 0, 1
    for expected in chain("[", repeat(",")):
        place, line = _after_blanks(text, place, line)
        if expected == "," and text[place : place + 1] == "]":
            break
        if text[place : place + 1] != expected:
            raise file.fault(line, f"'{expected}' is missing. {_ARRAY}")
        begins, line = _after_blanks(text, place + 1, line)
        if expected == "[" and text[begins : begins + 1] == "]":
            raise file.fault(line, "the array is empty. It must contain labelled examples.")
        found, place = _decoded(file, line, text, begins)
        yield line, found
        line += text.count("\n", begins, place)
    end, line = _after_blanks(text, place + 1, line)
    if end < len(text):
        raise file.fault(line, f"something follows the array. {_ARRAY}")


def _after_blanks(text: str, place: int, line: int) -> tuple[int, int]:
    """The place of the next character that is no blank, and its line."""
    found = _NO_BLANK.search(text, place)
    after = found.start() if found else len(text)
    return after, line + text.count("\n", place, after)


def _decoded(file: DataFile, line: int, text: str, begins: int) -> tuple[dict[str, Any], int]:
    """The object that begins at a place, and the place after it."""
    try:
        found, place = _DECODER.raw_decode(text, begins)
    except json.JSONDecodeError as error:
        at = line + text.count("\n", begins, error.pos)
        raise file.fault(at, f"is not JSON ({error.msg}). {_ARRAY}") from error
    except (RecursionError, ValueError) as error:
        raise file.fault(line, f"{_why(error)}. {_ARRAY}") from error
    if not isinstance(found, dict):
        raise file.fault(line, f"an entry of the array is no object. {_ARRAY}")
    return found, place


def _object(file: DataFile, number: int, line: str) -> dict[str, Any]:
    try:
        found = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        line_ends = f" {LINE_ENDS}." if "\r" in line else ""
        raise file.fault(
            number,
            f"is not JSON ({error.msg} at position {error.colno}). Write one object per line."
            f"{line_ends}",
        ) from error
    except (RecursionError, ValueError) as error:
        raise file.fault(number, f"{_why(error)}. Write one object per line.") from error
    if not isinstance(found, dict):
        raise file.fault(number, "is not a JSON object. Write one object in braces per line.")
    return found


def _why(error: Exception) -> str:
    """Why a text cannot be read that has the syntax of JSON."""
    return str(error) if isinstance(error, _RepeatedKey) else "is not an object of plain values"


class _RepeatedKey(ValueError):
    """An object has a key twice, so it is unknown which of the values is meant."""


def _without_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, each in pairs:
        if key in found:
            raise _RepeatedKey(f"the key '{shortened(key)}' is repeated in an object")
        found[key] = each
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_without_repeated)


def _in_json(found: Any) -> str:
    """The name of a value's type in JSON; otherwise that of Python."""
    names = {
        bool: "true or false",
        type(None): "null",
        list: "a list",
        dict: "an object",
        str: "a string",
        int: "a number",
        float: "a number",
    }
    return names.get(type(found), f"a value of type {type(found).__name__}")
