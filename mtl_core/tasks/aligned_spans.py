"""Aligns spans of characters with words, and reports why a span does not align."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import accumulate
from typing import NamedTuple

from mtl_core.tasks.schemes import Span
from mtl_core.tasks.split_words import Word

OTHER_UNITS = {"UTF-16 code units": "utf-16-le", "bytes of UTF-8": "utf-8"}
"""The units in which offsets are counted by mistake, and the encoding that has them."""


_MOST_BLANKS = 10_000  # that a file leaves out of the text of a span


class WrittenSpan(NamedTuple):
    """A span as its file has it: offsets, type, and its text if the file states it."""

    start: int
    end: int
    type: str
    text: str | None = None


class Misfit(StrEnum):
    """Why a span becomes no entity, in words that follow "3 spans"."""

    OUTSIDE = "outside of the text"
    OTHER_TEXT = "with another text than the file states"
    NO_WORDS = "not at the edges of words"
    OVERLAP = "overlapping another span"


class Edges(NamedTuple):
    """The word that begins at a character, and the one after the word that ends there."""

    starts: Mapping[int, int]
    ends: Mapping[int, int]


def edges_of(words: Sequence[Word]) -> Edges:
    """The edges of the words of a text."""
    return Edges(
        {word.start: place for place, word in enumerate(words)},
        {word.end: place for place, word in enumerate(words, start=1)},
    )


def misfit(text: str, span: WrittenSpan, edges: Edges) -> Misfit | None:
    """Why a span on its own does not align; None if it begins and ends with a word."""
    if not 0 <= span.start < span.end <= len(text):
        return Misfit.OUTSIDE
    if span.text is not None and not _has_words(text, span, span.text):
        return Misfit.OTHER_TEXT
    start, end = _without_blanks(text, span)
    return None if start in edges.starts and end in edges.ends else Misfit.NO_WORDS


def _has_words(text: str, span: WrittenSpan, stated: str) -> bool:
    """Whether a span has the stated words; blanks between them may differ."""
    if span.end - span.start > len(stated) + _MOST_BLANKS:
        return False
    return stated.split() == text[span.start : span.end].split()


def align(
    text: str, spans: Sequence[WrittenSpan], edges: Edges
) -> tuple[list[Span], list[tuple[WrittenSpan, Misfit]]]:
    """The entities of a text, in order, and the spans that are none.

    Of spans that overlap, the one that begins first is an entity; of those that begin together the
    longest.
    """
    entities: list[Span] = []
    others: list[tuple[WrittenSpan, Misfit]] = []
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        if (why := misfit(text, span, edges)) is not None:
            others.append((span, why))
            continue
        start, end = _without_blanks(text, span)
        entity = Span(edges.starts[start], edges.ends[end], span.type)
        if entities and entity.start < entities[-1].end:
            others.append((span, Misfit.OVERLAP))
        else:
            entities.append(entity)
    return entities, others


def places_of(text: str, encoding: str) -> dict[int, int]:
    """The place of each character in code points, by its offset in units of `encoding`."""
    unit = 2 if encoding.startswith("utf-16") else 1
    sizes = (len(character.encode(encoding)) // unit for character in text)
    return {offset: place for place, offset in enumerate(accumulate(sizes, initial=0))}


def in_code_points(span: WrittenSpan, places: Mapping[int, int]) -> WrittenSpan:
    """The span with its offsets in code points, as `places_of`; -1 within a character."""
    return span._replace(start=places.get(span.start, -1), end=places.get(span.end, -1))


def _without_blanks(text: str, span: WrittenSpan) -> tuple[int, int]:
    """Start and end of a span without blanks at either side."""
    written = text[span.start : span.end]
    start = span.start + len(written) - len(written.lstrip())
    return start, start + len(written.strip())
