"""Converts tags that mark the ends of entities (BIOES, BILOU, BMES) to IOB2, and counts faults."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.schemes import OUTSIDE, Scheme, is_prefixed
from mtl_core.tasks.token_rows import TokenFile, TokenRow
from mtl_core.text import counted, shortened

_BEGINS = "BSU"
_ALONE = "SU"
_ENDS = "EL"


def end_scheme(files: Sequence[TokenFile]) -> Scheme | None:
    """The scheme of all files together, if it is one that marks ends; otherwise None.

    Only tags with `B-` among them show one: a lone `E-mail` or `S-Bahn` may be a type.
    """
    tags = {tag for file in files for row in file.rows for tag in row.tags} - {OUTSIDE}
    letters = {tag[0] for tag in tags if is_prefixed(tag)}
    if not tags or not all(map(is_prefixed, tags)) or "B" not in letters or letters <= set("BI"):
        return None
    ending = (scheme for scheme in Scheme if scheme.marks_ends)
    return next((scheme for scheme in ending if letters <= set(scheme.letters)), None)


def without_end_tags(file: TokenFile, scheme: Scheme) -> TokenFile:
    """The file in IOB2, with a note about the entities that lack a begin or an end.

    Such an entity is read from its first tag to its last one. Raises DataError for a file in which
    no entity has an end, as in other schemes, and for one in which most entities lack a tag.
    """
    rows = [_converted(row) for row in file.rows]
    faults = [fault for row in rows for fault in row.faults]
    entities = sum(tag.startswith("B-") for row in rows for tag in row.tags)
    if entities and not _has_ends(file):
        line, tag = _first_tag(file)
        raise file.file.fault(
            line,
            f"the tag '{tag}' is not in {scheme}, as tags of this task are: no entity of this file "
            "has an end. Write all files in one scheme.",
        )
    if 2 * len(faults) > entities:
        raise file.file.fault(
            faults[0].line,
            f"{len(faults)} of {entities} entities of this file lack a begin or an end in "
            f"{scheme}, here '{shortened(faults[0].tag)}'. Write all tags in one scheme.",
        )
    notes = (_note(file.file, scheme, faults),) if faults else ()
    found = zip(file.rows, rows, strict=True)
    return replace(
        file,
        rows=tuple(TokenRow(row.lines, row.words, new.tags) for row, new in found),
        notes=(*file.notes, *notes),
    )


@dataclass(frozen=True, slots=True)
class _Fault:
    """A tag of an entity that lacks its begin or its end, and its line."""

    line: int
    tag: str


@dataclass(frozen=True, slots=True)
class _Converted:
    """The tags of a sentence in IOB2, and a fault for each entity that lacks a tag."""

    tags: tuple[str, ...]
    faults: tuple[_Fault, ...]


def _converted(row: TokenRow) -> _Converted:
    tags: list[str] = []
    faults: dict[int, _Fault] = {}  # by the number of the entity, of which each counts once
    entity, kind = 0, None  # kind: the type of an entity without an end so far
    last = _Fault(0, OUTSIDE)
    for line, tag in zip((*row.lines, 0), (*row.tags, OUTSIDE), strict=True):
        letter, _, this = ("O", "", None) if tag == OUTSIDE else tag.partition("-")
        continues = letter not in "O" + _BEGINS and kind is not None and kind == this
        if kind is not None and not continues:
            faults.setdefault(entity, last)
        last = _Fault(line, tag)
        if this is not None and not continues:
            entity += 1
            if letter not in _BEGINS:
                faults[entity] = last
        tags.append(OUTSIDE if this is None else f"{'I' if continues else 'B'}-{this}")
        kind = None if this is None or letter in _ENDS + _ALONE else this
    return _Converted(tuple(tags[:-1]), tuple(faults.values()))


def _tags_of(file: TokenFile) -> Iterator[tuple[int, str]]:
    """The line and the tag of each word within an entity."""
    for row in file.rows:
        for line, tag in zip(row.lines, row.tags, strict=True):
            if tag != OUTSIDE:
                yield line, tag


def _has_ends(file: TokenFile) -> bool:
    return any(tag[0] in _ENDS + _ALONE for _, tag in _tags_of(file))


def _first_tag(file: TokenFile) -> tuple[int, str]:
    return next(_tags_of(file))


def _note(file: DataFile, scheme: Scheme, faults: Iterable[_Fault]) -> str:
    first, *others = faults
    number = counted(1 + len(others), "entity lacks", "entities lack")
    return (
        f"{file.name}: {number} a begin or an end in {scheme}, first in {file.unit} {first.line} "
        f"('{shortened(first.tag)}'); each was taken from its first tag to its last one."
    )
