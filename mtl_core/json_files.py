"""Reads JSON files of others: bounded in size, and every fault is a ValueError."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

JSON_BYTES = 16 * 2**20
"""The most bytes of a file that describes a checkpoint: config.json, an index of its weights."""


def read_bounded(file: Path, most_bytes: int = JSON_BYTES) -> bytes:
    """The bytes of a file. Raises OSError, and ValueError for a file over `most_bytes`."""
    with file.open("rb") as opened:
        content = opened.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"it has more than the {most_bytes:,} bytes that are read")
    return content


def read_json(
    file: Path,
    most_bytes: int = JSON_BYTES,
    object_of: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """The value in a JSON file; `object_of` builds its objects from their pairs.

    Raises OSError, and ValueError for what is too large, no JSON or nested too deeply.
    """
    return parse_json(read_bounded(file, most_bytes), object_of)


def parse_json(
    content: bytes, object_of: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """The value in JSON text. Raises ValueError for what is no JSON or nested too deeply."""
    try:
        return json.loads(content, object_pairs_hook=object_of)
    except RecursionError:
        raise ValueError("it is nested too deeply to be read") from None
