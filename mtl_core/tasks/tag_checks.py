"""Renames the tags of token files as the manifest states, and refuses tags of doubtful meaning.

A bare tag is an entity type (IO) only if nothing else about it is likely. Otherwise the message has
the lines to write into the manifest.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from mtl_core.nearest import quoted
from mtl_core.tasks.label_names import case_twins, controlling_fault, is_missing, written_mapping
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.schemes import OUTSIDE, Scheme, entity_type, is_prefixed, tag_fault
from mtl_core.tasks.token_rows import TokenFile, TokenRow
from mtl_core.text import shortened

_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_BRACKETS = re.compile(r"[()*\[\]{}<>]")
_BEFORE = re.compile(r"(?P<place>[BIbi])(?:_|[^\w-])(?P<type>\w.*)")  # B_PER, B/PER
_AFTER = re.compile(r"(?P<type>\w.*)[\W_](?P<place>[BI])")  # PER-B, PER_B
_WITHIN = re.compile(r".*[^\w-](?P<place>[BI])-(?P<type>\w.*)")  # name=B-PER
_IN_WORDS = re.compile(r"(?P<place>begin|inside)(?:ning)?[\W_](?P<type>\w.*)", re.IGNORECASE)
_SEVERAL = re.compile(r"[^\w-][A-Za-z]-")  # the rest of B-PER|B-ORG


class _Place(NamedTuple):
    """The file and line in which a tag occurs first."""

    file: DataFile
    line: int

    def __str__(self) -> str:
        return f"{self.file.name}, {self.file.unit} {self.line}"


def with_tag_names(file: TokenFile, names: Mapping[str, str]) -> TokenFile:
    """The file with every tag that `names` lists replaced; other tags stand for themselves."""
    if not names:
        return file
    rows = tuple(
        TokenRow(row.lines, row.words, tuple(names.get(tag, tag) for tag in row.tags))
        for row in file.rows
    )
    return replace(file, rows=rows)


def check_tags(
    files: Sequence[TokenFile], scheme: Scheme | None = None, named: Collection[str] = ()
) -> None:
    """Raises DataError with file, line and remedy for a tag whose meaning is doubtful.

    `scheme` is the one that the manifest states, or one that marks ends; None: it is detected.
    `named` are the tags that the manifest gives as names, which are not doubtful.
    """
    first = _first_places(files)
    letters = Scheme.IOB2.letters if scheme is None else scheme.letters
    for tag, place in first.items():
        if (fault := controlling_fault(tag)) is not None:
            raise place.file.fault(place.line, f"the tag {fault}.")
        if (fault := tag_fault(tag, letters)) is not None:
            raise place.file.fault(place.line, fault)
        if tag not in named and (doubt := _doubt(tag, first, scheme)) is not None:
            raise place.file.fault(place.line, f"the tag '{shortened(tag)}' {doubt}")
    if scheme is not None:
        _check_against(scheme, first)
    _check_shapes(first)
    _check_outside(first, scheme)
    _check_types(first, named)


def _first_places(files: Iterable[TokenFile]) -> dict[str, _Place]:
    """The place of each different tag, in the order of the files."""
    first: dict[str, _Place] = {}
    for tokens in files:
        for row in tokens.rows:
            for line, tag in zip(row.lines, row.tags, strict=True):
                if tag not in first:
                    first[tag] = _Place(tokens.file, line)
    return first


def _doubt(tag: str, tags: Collection[str], scheme: Scheme | None) -> str | None:
    """What is doubtful about a tag, with the remedy; None if it has one meaning."""
    if tag == OUTSIDE:
        return None
    if _NUMBER.fullmatch(tag):
        return f"is a number, so the name of its type is unknown. {_names_of_numbers(tags)}"
    if is_missing(tag):
        return f"marks a missing value. Write a tag, or {_mapping({tag: OUTSIDE})} in the manifest."
    if _BRACKETS.search(tag):
        return (
            "is in the bracket notation of CoNLL-2012, or no tag. Convert the tags to B-TYPE, "
            "I-TYPE and O, or name the column of the tags in the manifest: "
            "columns: {word: 1, tag: 2}."
        )
    if tag.casefold() in ("o", "outside") or entity_type(tag) == OUTSIDE:
        return f"may mean O. Write {_mapping({tag: OUTSIDE})} in the manifest, or O in the files."
    if not any(character.isalpha() for character in tag):
        return (
            f"names no type. If it means O, write {_mapping({tag: OUTSIDE})} in the manifest; "
            "if it is no tag, name the columns there: columns: {word: 1, tag: 2}."
        )
    if is_prefixed(tag):
        several = _SEVERAL.search(tag[2:])
        return "has several types. Write one tag for each word." if several else None
    if scheme is not Scheme.IO and _begins_or_continues(tag) is not None:
        suggested = {each: name for each in tags if (name := _begins_or_continues(each))}
        return (
            f"may mean {_begins_or_continues(tag)} or be a type of its own. Write "
            f"{_mapping(suggested)} in the manifest, or scheme: io if each tag is a type."
        )
    return None


def _begins_or_continues(tag: str) -> str | None:
    """`B-PER` for a bare tag such as `PER-B`, `B_PER` or `name=B-PER`; otherwise None."""
    if is_prefixed(tag):
        return None
    for shape in (_WITHIN, _BEFORE, _AFTER, _IN_WORDS):
        if found := shape.fullmatch(tag):
            return f"{found['place'][0].upper()}-{found['type']}"
    return None


def _names_of_numbers(tags: Collection[str]) -> str:
    numbers = sorted((tag for tag in tags if _NUMBER.fullmatch(tag)), key=lambda n: (len(n), n))
    outside_known = OUTSIDE in tags
    names = {number: OUTSIDE if number == "0" and not outside_known else "…" for number in numbers}
    example = ", such as B-PER" if "…" in names.values() else ""
    return f"Write the names in the manifest: {_mapping(names)}{example}."


def _check_against(scheme: Scheme, first: Mapping[str, _Place]) -> None:
    """Raises DataError for a tag that the stated scheme does not have."""
    for tag, place in first.items():
        wrong = tag.startswith("B-") if scheme is Scheme.IO else entity_type(tag) == tag
        if wrong:
            raise place.file.fault(
                place.line,
                f"the tag '{tag}' does not occur in {scheme}, which the manifest states. "
                "Correct 'scheme' there, or remove it.",
            )


def _check_shapes(first: Mapping[str, _Place]) -> None:
    """Raises DataError for bare types next to `B-` and `I-`."""
    inside = [(tag, place) for tag, place in first.items() if tag != OUTSIDE]
    for tag, place in inside[1:]:
        other, other_place = inside[0]
        if is_prefixed(tag) != is_prefixed(other):
            bare = other if is_prefixed(tag) else tag
            raise place.file.fault(
                place.line,
                f"the tag '{tag}' is {_shape_in_words(tag)}, the one in {other_place} "
                f"{_shape_in_words(other)}. Write all tags one way. If '{bare}' means O, write "
                f"{_mapping({bare: OUTSIDE})} in the manifest.",
            )


def _shape_in_words(tag: str) -> str:
    return "prefixed with B- or I-" if is_prefixed(tag) else "a bare type"


def _check_outside(first: Mapping[str, _Place], scheme: Scheme | None) -> None:
    """Raises DataError for bare types without any `O`: one of them may mean outside."""
    tags = list(first)
    if scheme is not None or OUTSIDE in first or any(is_prefixed(tag) for tag in tags):
        return
    place, unknown = first[tags[0]], _mapping({"…": OUTSIDE})
    raise place.file.fault(
        place.line,
        f"no word of this task has the tag O, so it is unknown which of {quoted(tags)} means "
        f"outside. Write it in the manifest, such as {unknown}, or "
        "scheme: io if every word belongs to an entity. If these are no tags, name the columns "
        "there: columns: {word: 1, tag: 2}.",
    )


def _check_types(first: Mapping[str, _Place], named: Collection[str]) -> None:
    """Raises DataError for types that differ only in case, and for `BPER` next to `IPER`."""
    for tag, place in first.items():
        begun, continued = f"B{tag[1:]}", f"I{tag[1:]}"
        joined = not is_prefixed(tag) and tag in (begun, continued) and tag not in named
        if joined and begun in first and continued in first and len(tag) > 1:
            mapping = {begun: f"B-{tag[1:]}", continued: f"I-{tag[1:]}"}
            raise place.file.fault(
                place.line,
                f"the tags '{begun}' and '{continued}' may be of one type. Write "
                f"{_mapping(mapping)} in the manifest.",
            )
    types = {kind: tag for tag in first if (kind := entity_type(tag)) is not None}
    for kind, twin in case_twins(types):
        tag, place = types[twin], first[types[twin]]
        if tag in named and types[kind] in named:
            continue
        wrong = {
            each: each.removesuffix(twin) + kind for each in first if entity_type(each) == twin
        }
        raise place.file.fault(
            place.line,
            f"the types '{kind}' and '{twin}' differ only in case. Write {_mapping(wrong)} in "
            f"the manifest, or name both there if they differ.",
        )


def _mapping(names: Mapping[str, str]) -> str:
    """The line of the manifest: `tags: {PER-B: B-PER, PER-I: I-PER}`."""
    return written_mapping("tags", names)
