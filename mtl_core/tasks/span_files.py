"""Reads spans of characters as tagged words, and counts those that do not align with words.

Offsets count code points from 0, and the end is not included. A text is one example.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mtl_core.tasks.aligned_spans import (
    OTHER_UNITS,
    Edges,
    Misfit,
    WrittenSpan,
    align,
    edges_of,
    in_code_points,
    misfit,
    places_of,
)
from mtl_core.tasks.keyed_rows import Row
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.reading_limits import check_spans, check_words
from mtl_core.tasks.schemes import OUTSIDE, Span, entity_type
from mtl_core.tasks.split_words import split_words
from mtl_core.tasks.token_rows import TokenRow
from mtl_core.tasks.written_spans import Document, SpanKeys, document
from mtl_core.text import counted, shortened


def read_span_rows(
    file: DataFile, rows: Iterable[Row], keys: SpanKeys
) -> tuple[tuple[TokenRow, ...], tuple[str, ...]]:
    """The words of each text with tags in IOB2, and notes about what became no entity.

    Raises DataError if offsets are evidently counted in another unit than code points, if most
    spans do not align with words, and for a text without words.
    """
    found, without = [], []
    for row in rows:
        if (each := document(file, row, keys)) is None:
            without.append(row[0])
        else:
            found.append(_text(file, each))
    _check_offsets(file, found)
    aligned = [(each, *align(each.written.text, each.written.spans, each.edges)) for each in found]
    misfits = [(each.written.line, *other) for each, _, others in aligned for other in others]
    notes = [*_misfit_notes(file, misfits), *_other_notes(file, found, without)]
    return tuple(_row(each, entities) for each, entities, _ in aligned), tuple(notes)


def tags_of_types(names: Mapping[str, str]) -> dict[str, str]:
    """The mapping of tags for a mapping of types: `PERSON: PER` also names B-PERSON and I-PERSON.

    `O` as the name of a type removes its spans.
    """
    return {
        f"{place}-{kind}": OUTSIDE if name == OUTSIDE else f"{place}-{entity_type(name)}"
        for kind, name in names.items()
        for place in "BI"
    } | dict(names)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text with its words and their edges."""

    written: Document
    words: tuple[str, ...]
    edges: Edges


def _text(file: DataFile, written: Document) -> _Text:
    words = split_words(written.text)
    if not words:
        raise file.fault(written.line, "the text has no words. Write a sentence, or remove it.")
    check_words(file, written.line, len(words))
    check_spans(file, written.line, len(written.spans))
    return _Text(written, tuple(word.text for word in words), edges_of(words))


def _row(text: _Text, entities: Sequence[Span]) -> TokenRow:
    tags = [OUTSIDE] * len(text.words)
    for entity in entities:
        tags[entity.start] = f"B-{entity.type}"
        for place in range(entity.start + 1, entity.end):
            tags[place] = f"I-{entity.type}"
    return TokenRow((text.written.line,) * len(tags), text.words, tuple(tags))


def _check_offsets(file: DataFile, texts: Sequence[_Text]) -> None:
    """Raises DataError if the offsets fit another unit better, or fit most words not at all."""
    misfits = list(_misfits(texts))
    if not misfits:
        return
    line, span = misfits[0]
    spans = sum(len(each.written.spans) for each in texts)
    first = f"'{shortened(span.type)}' from {span.start} to {span.end}"
    for unit, encoding in OTHER_UNITS.items():
        if (fewer := sum(1 for _ in _misfits(texts, encoding))) < len(misfits):
            raise file.fault(
                line,
                f"{len(misfits)} of {spans} spans do not fit the words, {first} here; as {unit} "
                f"{fewer or 'all fit'}{' do not' if fewer else ''}. Write offsets that count code "
                "points (characters of Python).",
            )
    if 2 * len(misfits) > spans:
        raise file.fault(
            line,
            f"{len(misfits)} of {spans} spans do not begin and end with a word, {first} here. "
            "Offsets count code points from 0, and the end is not included; blanks and "
            "punctuation separate words.",
        )


def _misfits(
    texts: Iterable[_Text], encoding: str | None = None
) -> Iterator[tuple[int, WrittenSpan]]:
    """Line and span of each that does not align, with offsets in units of the encoding."""
    for each in texts:
        text = each.written.text
        places = places_of(text, encoding) if encoding and each.written.spans else None
        for span in each.written.spans:
            moved = span if places is None else in_code_points(span, places)
            if misfit(text, moved, each.edges) is not None:
                yield each.written.line, span


def _misfit_notes(
    file: DataFile, misfits: Sequence[tuple[int, WrittenSpan, Misfit]]
) -> Iterator[str]:
    for kind in Misfit:
        if same := [(line, span) for line, span, why in misfits if why is kind]:
            line, span = same[0]
            yield (
                f"{file.name}: {counted(len(same), 'span')} {kind} became no entity, first in "
                f"{file.unit} {line} ('{shortened(span.type)}' from {span.start} to {span.end})."
            )


def _other_notes(file: DataFile, texts: Sequence[_Text], without: Sequence[int]) -> Iterator[str]:
    if without:
        yield (
            f"{file.name}: {counted(len(without), 'task')} without an annotation left out, first "
            f"in {file.unit} {without[0]}."
        )
    if others := [each.written for each in texts if each.written.others]:
        number = counted(sum(each.others for each in others), "result")
        yield (
            f"{file.name}: {number} other than spans of this task left out, first in {file.unit} "
            f"{others[0].line}."
        )
