"""Tagged sentences as they were read from a file."""

from dataclasses import dataclass

from mtl_core.tasks.lines import DataFile


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One tagged sentence: line, word and tag of each of its tokens."""

    lines: tuple[int, ...]
    words: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class TokenFile:
    """All sentences of a file, at least one.

    `layout` describes the format and the columns that were read. `spans`: the entities are spans of
    characters in the file. `notes` are sentences about what could not be read as it is written.
    """

    file: DataFile
    rows: tuple[TokenRow, ...]
    layout: str = ""
    spans: bool = False
    notes: tuple[str, ...] = ()
