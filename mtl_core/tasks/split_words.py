"""A sentence as someone types it, cut into the words that token tasks read."""

import re
from typing import NamedTuple

_CHUNK = re.compile(r"\S+")
_OPENING = '([{"“‘«¿¡'
_CLOSING = ')]}"”’»,;:!?…'


class Word(NamedTuple):
    """A word and where it stands: characters `start` up to, not including, `end`."""

    text: str
    start: int
    end: int


def split_words(text: str) -> tuple[Word, ...]:
    """Words as tagged data write them: cut at blanks, punctuation at either end a word of its own.

    A full stop stays with what holds another one (`U.S.`), so that a sentence of data joined by
    blanks falls into nearly the same words again.
    """
    words: list[Word] = []
    for chunk in _CHUNK.finditer(text):
        words += _pieces(text, *chunk.span())
    return tuple(words)


def _pieces(text: str, start: int, end: int) -> list[Word]:
    first, last = start, end
    while first < end - 1 and text[first] in _OPENING:
        first += 1
    while last - 1 > first and _closes(text[first:last]):
        last -= 1
    edges = [*range(start, first), first, *range(last, end)]
    return [
        Word(text[here:there], here, there)
        for here, there in zip(edges, [*edges[1:], end], strict=True)
    ]


def _closes(piece: str) -> bool:
    if piece[-1] == ".":
        return "." not in piece[:-1].rstrip(".") or piece[-2] == "."
    return piece[-1] in _CLOSING
