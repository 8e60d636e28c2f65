"""Tagged words: CoNLL columns, or JSON lines.

In CoNLL files the first column is the token and the last one the tag, separated by tabs or blanks.
An empty line or a `-DOCSTART-` line ends a sentence. A token may begin with `#`, so there are no
comments.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from mtl_core.errors import DataError
from mtl_core.tasks import json_lines
from mtl_core.tasks.lines import DataFile, Lines

_DOCUMENT_START = "-DOCSTART-"
_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One tagged sentence: line, word and tag of each of its tokens."""

    lines: tuple[int, ...]
    words: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class TokenFile:
    """All sentences of a file, at least one."""

    file: DataFile
    rows: tuple[TokenRow, ...]


def is_json_lines(name: str) -> bool:
    """Whether a token file contains JSON lines; other files are read as CoNLL columns."""
    return PurePath(name).suffix.lower() == ".jsonl"


def read_tokens(lines: Lines, words: str, tags: str) -> TokenFile:
    """Read the sentences of a file; `words` and `tags` are the keys of JSON lines.

    Raises DataError with file and line for a line without tag or token, a line with another number
    of columns than the first, lists of unequal length, and a file without words.
    """
    if is_json_lines(lines.file.name):
        rows = tuple(_json_rows(lines, words, tags))
    else:
        rows = tuple(_conll_rows(lines))
    if not rows:
        raise DataError(f"{lines.file.name} contains no words. Add tagged sentences.")
    return TokenFile(lines.file, rows)


def _json_rows(lines: Lines, words: str, tags: str) -> Iterator[TokenRow]:
    file = lines.file
    for line, row in json_lines.objects(lines):
        tokens, tagged = (
            json_lines.strings(file, line, key, json_lines.value(file, line, row, key))
            for key in (words, tags)
        )
        if len(tokens) != len(tagged):
            raise file.fault(
                line,
                f"'{words}' has {len(tokens)} entries and '{tags}' {len(tagged)}. "
                "Write one tag for each word.",
            )
        if not tokens or not all(tokens) or not all(tagged):
            raise file.fault(line, "a word or a tag is empty. Fill it, or remove the line.")
        yield TokenRow((line,) * len(tokens), tokens, tagged)


def _conll_rows(lines: Lines) -> Iterator[TokenRow]:
    sentence: list[tuple[int, str, str]] = []
    first: tuple[int, int] | None = None  # line and number of columns of the first token
    for number, line in enumerate(lines.lines, start=1):
        fields = _fields(line)
        if not fields or fields[0] == _DOCUMENT_START:
            yield from _finished(sentence)
            sentence = []
            continue
        _check_fields(lines.file, number, fields, first)
        first = first or (number, len(fields))
        sentence.append((number, fields[0], fields[-1]))
    yield from _finished(sentence)


def _finished(sentence: list[tuple[int, str, str]]) -> Iterator[TokenRow]:
    if sentence:
        numbers, words, tags = zip(*sentence, strict=True)
        yield TokenRow(numbers, words, tags)


def _fields(line: str) -> list[str]:
    # Only blanks and tabs separate: a no-break space may be a token.
    stripped = line.rstrip(" \t")
    if not stripped:
        return []
    if "\t" in stripped:
        return [field.strip(" ") for field in stripped.split("\t")]
    return _BLANKS.split(stripped.lstrip(" "))


def _check_fields(
    file: DataFile, number: int, fields: list[str], first: tuple[int, int] | None
) -> None:
    if not fields[0]:
        raise file.fault(number, "there is no token before the tag. Write the token first.")
    if len(fields) == 1:
        raise file.fault(
            number,
            f"'{fields[0][:60]}' has no tag. Write the token first and its tag last, "
            "separated by a tab; an empty line ends a sentence.",
        )
    if first is not None and len(fields) != first[1]:
        raise file.fault(
            number,
            f"there are {len(fields)} columns where line {first[0]} has {first[1]}. "
            "Write as many on every line (a line that begins with # is a token, not a comment).",
        )
