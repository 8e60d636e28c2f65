"""JSON lines, with one object per line, for sentences and tokens."""

import json
from collections.abc import Iterator
from typing import Any

from mtl_core.nearest import available_names
from mtl_core.tasks.lines import LINE_ENDS, DataFile, Lines, unstorable


def objects(lines: Lines) -> Iterator[tuple[int, dict[str, Any]]]:
    """The number and object of each line; blank lines are skipped. Raises DataError."""
    for number, line in enumerate(lines.lines, start=1):
        if line.strip():
            yield number, _object(lines.file, number, line)


def value(file: DataFile, line: int, row: dict[str, Any], key: str) -> Any:
    """The value of `key`. Raises DataError with the available keys."""
    if key not in row:
        raise file.fault(
            line, f"there is no key '{key}'. {available_names(key, list(row), 'Keys')}"
        )
    return row[key]


def string(file: DataFile, line: int, key: str, found: Any) -> str:
    """A string, or a whole number converted to one (labels are often 0 and 1)."""
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    if not isinstance(found, str):
        raise file.fault(
            line,
            f"'{key}' holds {_in_json(found)}, not a string. Write it in quotation marks.",
        )
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
    return tuple(string(file, line, key, entry) for entry in found)


def _object(file: DataFile, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        line_ends = f" {LINE_ENDS}." if "\r" in line else ""
        raise file.fault(
            number,
            f"is not JSON ({error.msg} at position {error.colno}). Write one object per line."
            f"{line_ends}",
        ) from error
    except (RecursionError, ValueError) as error:
        raise file.fault(number, "is not an object of plain values. Write one per line.") from error
    if not isinstance(found, dict):
        raise file.fault(number, "is not a JSON object. Write one object in braces per line.")
    return found


def _in_json(found: Any) -> str:
    """The name of a value's type in JSON."""
    names = {bool: "true or false", type(None): "null", list: "a list", dict: "an object"}
    return names.get(type(found), "a string" if isinstance(found, str) else "a number")
