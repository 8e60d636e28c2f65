"""Tag schemes: how the tags of a token task mark the beginning and end of entities.

IOB2 tags every entity as `B-PER I-PER`. IOB1 tags it as `I-PER I-PER`, and uses `B-PER` only for an
entity directly after another one of its type. IO has one tag per type, `PER PER` or `I-PER I-PER`,
so that adjacent entities of one type are one entity. BIOES (or IOBES), BILOU and BMES also mark the
last word of an entity, and an entity of one word; `end_tags` converts them to IOB2.
Source: Tjong Kim Sang and Veenstra 1999, "Representing Text Chunks"; Ratinov and Roth 2009, "Design
Challenges and Misconceptions in Named Entity Recognition".
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from mtl_core.errors import DataError

OUTSIDE = "O"
_SINGLE_LETTER_PREFIX = re.compile(r"[^\W\d_]-")
_PREFIX = re.compile(r"[BIELMSU]-")


class Scheme(StrEnum):
    """A way to mark the boundaries of entities."""

    IO = "IO"
    IOB1 = "IOB1"
    IOB2 = "IOB2"
    BIOES = "BIOES"
    BILOU = "BILOU"
    BMES = "BMES"

    @property
    def letters(self) -> str:
        """The letters that its tags may have in front: begin and continue, or also end and alone.

        Those of IO tags are optional.
        """
        return _LETTERS.get(self, "BI")

    @property
    def marks_ends(self) -> bool:
        """Whether the last word of an entity has a tag of its own."""
        return self in _LETTERS


_LETTERS = {Scheme.BIOES: "BIES", Scheme.BILOU: "BILU", Scheme.BMES: "BMES"}
SCHEME_NAMES = {
    "io": Scheme.IO,
    "iob1": Scheme.IOB1,
    "iob2": Scheme.IOB2,
    "bio": Scheme.IOB2,
    "bioes": Scheme.BIOES,
    "iobes": Scheme.BIOES,
    "bilou": Scheme.BILOU,
    "bmes": Scheme.BMES,
}
"""The schemes by the names that a manifest states."""


class Span(NamedTuple):
    """An entity with the words from `start` up to, not including, `end`."""

    start: int
    end: int
    type: str


def tag_fault(tag: str, letters: str = "BI") -> str | None:
    """The fault in the shape of a tag, with the remedy; None without a fault.

    `letters` are those of its scheme.
    """
    if tag in ("B", "I") or (len(tag) == 2 and tag[0] in letters and tag[1] == "-"):
        return f"the tag '{tag}' names no type. Write B-TYPE and I-TYPE, such as B-PER."
    if _SINGLE_LETTER_PREFIX.match(tag) and tag[0] not in letters:
        return (
            f"the tag '{tag}' belongs to no supported scheme. Write B-TYPE, I-TYPE and O "
            "(IOB2 or IOB1), bare types and O (IO), or all tags in one of BIOES, BILOU and BMES. "
            "If no tag has B-, name the scheme in the manifest, such as scheme: bioes."
        )
    return None


def is_prefixed(tag: str) -> bool:
    """Whether a tag is `B-…`, `I-…` or that of an end, such as `E-…`, rather than a bare type."""
    return _PREFIX.match(tag) is not None


def entity_type(tag: str) -> str | None:
    """The entity type of a tag, or None for `O`."""
    if tag == OUTSIDE:
        return None
    return tag[2:] if is_prefixed(tag) else tag


def detect_scheme(sentences: Iterable[Sequence[str]]) -> Scheme:
    """Detect the scheme of all sentences together.

    Tags with occasional errors in IOB2 count as IOB2 and are repaired. They count as IOB1 only if
    every `B-` is one that IOB1 requires. Raises DataError for tags of an unknown shape, and for a
    mix of bare and prefixed tags.
    """
    bare, prefixed, begun, opened_inside, opened_by_b = False, False, False, False, False
    for tags in sentences:
        previous = None
        for tag in tags:
            if (fault := tag_fault(tag)) is not None:
                raise DataError(f"In the tags, {fault}")
            kind = entity_type(tag)
            opens = kind is not None and kind != previous
            bare |= kind is not None and not is_prefixed(tag)
            prefixed |= is_prefixed(tag)
            begun |= tag.startswith("B-")
            opened_by_b |= opens and tag.startswith("B-")
            opened_inside |= opens and tag.startswith("I-")
            previous = kind
    if bare and prefixed:
        raise DataError(
            "Some tags are bare types and others have B- or I-. Write all tags in the same way."
        )
    if not begun:
        return Scheme.IO
    return Scheme.IOB1 if opened_inside and not opened_by_b else Scheme.IOB2


def to_iob2(tags: Sequence[str]) -> tuple[str, ...]:
    """Convert tags of any scheme to IOB2 with the same spans.

    Consecutive tags of one bare type become one span. An `I-x` that continues no entity begins a
    span, as in conlleval.
    """
    converted, previous = [], None
    for tag in tags:
        kind = entity_type(tag)
        if kind is None:
            converted.append(OUTSIDE)
        elif kind != previous or tag.startswith("B-"):
            converted.append(f"B-{kind}")
        else:
            converted.append(f"I-{kind}")
        previous = kind
    return tuple(converted)


def repairs(tags: Sequence[str]) -> int:
    """The number of `I-x` tags of a sentence in IOB2 that are read as `B-x`."""
    pairs = zip(tags, to_iob2(tags), strict=True)
    return sum(tag.startswith("I-") and tag != iob2 for tag, iob2 in pairs)


def spans(tags: Sequence[str]) -> tuple[Span, ...]:
    """The entities of a sentence, in order."""
    iob2 = (*to_iob2(tags), OUTSIDE)
    found, start = [], None
    for place, tag in enumerate(iob2):
        if start is not None and not tag.startswith("I-"):
            found.append(Span(start, place, iob2[start][2:]))
            start = None
        if tag.startswith("B-"):
            start = place
    return tuple(found)


def strict_spans(tags: Sequence[str]) -> tuple[Span, ...]:
    """The entities of a sentence in IOB2 as seqeval's strict mode reads them, in order.

    An `I-x` that continues no entity of its type is ignored.
    """
    valid, open_type = [], None
    for tag in tags:
        kind = entity_type(tag)
        if tag.startswith("I-") and kind != open_type:
            kind, tag = None, OUTSIDE
        open_type = kind
        valid.append(tag)
    return spans(valid)


def ordered(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags in the order of a head's outputs: O first, then by type, B before I."""
    inside = set(tags) - {OUTSIDE}
    return (OUTSIDE, *sorted(inside, key=lambda tag: (entity_type(tag) or "", tag)))
