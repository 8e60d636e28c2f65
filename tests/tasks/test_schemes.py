"""Tag schemes, against examples worked by hand."""

import re

import pytest

from mtl_core.errors import DataError
from mtl_core.tasks.schemes import (
    Scheme,
    Span,
    detect_scheme,
    ordered,
    repairs,
    spans,
    strict_spans,
    tag_fault,
    to_iob2,
)

SCHEMES = {
    "bare types": (["O PER PER O"], Scheme.IO),
    "bare types with a hyphen": (["creative-work O"], Scheme.IO),
    "inside only": (["I-PER I-PER O I-LOC"], Scheme.IO),
    "nothing but O": (["O O"], Scheme.IO),
    "IOB2": (["B-PER I-PER O", "B-LOC B-LOC"], Scheme.IOB2),
    "single words in IOB2": (["O B-PER O"], Scheme.IOB2),
    "IOB1": (["I-PER I-PER O", "I-LOC B-LOC O"], Scheme.IOB1),
    "IOB2 with one slip": (["B-PER I-PER O", "I-LOC O"], Scheme.IOB2),
}


@pytest.mark.parametrize(("sentences", "scheme"), SCHEMES.values(), ids=SCHEMES)
def test_the_scheme_is_detected_from_all_sentences_together(
    sentences: list[str], scheme: Scheme
) -> None:
    assert detect_scheme(sentence.split() for sentence in sentences) is scheme


@pytest.mark.parametrize(
    ("tags", "iob2"),
    [
        ("PER PER O LOC ORG", "B-PER I-PER O B-LOC B-ORG"),
        ("I-PER I-PER O I-LOC", "B-PER I-PER O B-LOC"),
        ("I-LOC B-LOC I-LOC O B-LOC", "B-LOC B-LOC I-LOC O B-LOC"),
        ("B-PER I-PER B-PER I-LOC", "B-PER I-PER B-PER B-LOC"),
        ("creative-work creative-work", "B-creative-work I-creative-work"),
        ("", ""),
    ],
    ids=["IO", "inside only", "IOB1", "I- of another type", "type with a hyphen", "no words"],
)
def test_conversion_keeps_the_spans(tags: str, iob2: str) -> None:
    assert to_iob2(tags.split()) == tuple(iob2.split())
    assert spans(tags.split()) == spans(iob2.split())


def test_valid_iob2_stays_as_it_is() -> None:
    tags = ("B-PER", "I-PER", "B-PER", "O", "B-LOC")
    assert to_iob2(tags) == tags
    assert repairs(tags) == 0


def test_each_inside_tag_that_continues_nothing_is_one_repair() -> None:
    assert repairs(["I-PER", "I-PER", "O", "B-PER", "I-LOC", "I-LOC"]) == 2


def test_spans_end_where_the_next_begins_or_the_sentence_ends() -> None:
    assert spans(["B-PER", "I-PER", "B-PER", "O", "B-LOC"]) == (
        Span(0, 2, "PER"),
        Span(2, 3, "PER"),
        Span(4, 5, "LOC"),
    )


def test_outputs_stand_by_type_with_b_before_i_and_o_first() -> None:
    tags = ("I-b", "B-b", "B-a-c", "O", "I-a-c")
    assert ordered(tags) == ("O", "B-a-c", "I-a-c", "B-b", "I-b")
    assert ordered(("b", "a")) == ("O", "a", "b")


@pytest.mark.parametrize("tag", ["X-PER", "E-PER", "S-LOC", "b-PER", "O-PER"])
def test_a_single_letter_before_a_hyphen_is_a_scheme_not_read_here(tag: str) -> None:
    with pytest.raises(
        DataError, match=rf"the tag '{tag}' belongs to no supported scheme.* scheme: bioes"
    ):
        detect_scheme([["O", tag]])


@pytest.mark.parametrize("tag", ["B", "I", "B-", "I-"])
def test_a_tag_without_a_type_is_refused(tag: str) -> None:
    assert tag_fault(tag) == (
        f"the tag '{tag}' names no type. Write B-TYPE and I-TYPE, such as B-PER."
    )


def test_bare_and_prefixed_tags_do_not_mix() -> None:
    message = "Some tags are bare types and others have B- or I-. Write all tags in the same way."
    with pytest.raises(DataError, match=re.escape(message)):
        detect_scheme([["PER", "O"], ["B-PER"]])


def test_strict_spans_ignore_an_inside_tag_that_continues_nothing() -> None:
    tags = ("I-PER", "B-LOC", "I-PER", "I-PER", "B-PER", "I-PER")
    assert strict_spans(tags) == (Span(1, 2, "LOC"), Span(4, 6, "PER"))
    assert spans(tags) == (
        Span(0, 1, "PER"),
        Span(1, 2, "LOC"),
        Span(2, 4, "PER"),
        Span(4, 6, "PER"),
    )
