"""Splits a typed sentence into the words that token tasks read."""

import re
from typing import NamedTuple

_CHUNK = re.compile(r"\S+")
_OPENING = '([{"“‘«¿¡'
_CLOSING = ')]}"”’»,;:!?…'


class Word(NamedTuple):
    """A word and its characters from `start` up to, not including, `end`."""

    text: str
    start: int
    end: int


def split_words(text: str) -> tuple[Word, ...]:
    """Split at blanks, with punctuation at either end as separate words, as in tagged data.

    A full stop stays with a word that contains another one (`U.S.`). Joining the words of a data
    set by blanks and splitting them again gives nearly the same words.
    """
    words: list[Word] = []
    for chunk in _CHUNK.finditer(text):
        words += _pieces(text, *chunk.span())
    return tuple(words)


def _pieces(text: str, start: int, end: int) -> list[Word]:
    first, last = start, end
    while first < end - 1 and text[first] in _OPENING:
        first += 1
    while last - 1 > first and _closes(text, first, last):
        last -= 1
    edges = [*range(start, first), first, *range(last, end)]
    return [
        Word(text[here:there], here, there)
        for here, there in zip(edges, [*edges[1:], end], strict=True)
    ]


def _closes(text: str, start: int, end: int) -> bool:
    """Whether the last character of a piece is punctuation behind a word."""
    if text[end - 1] == ".":
        return text[end - 2] == "." or text.find(".", start, end - 1) < 0
    return text[end - 1] in _CLOSING
