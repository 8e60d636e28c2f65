"""The columns of CoNLL files: those that a manifest names, and a check of the first one."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

from pydantic import PositiveInt

from mtl_core.tasks.lines import DataFile
from mtl_core.values import Frozen

_NUMBERS = re.compile(r"\d+(?:[-.:]\d+)?[.:)]?")  # 7, 1-2 and 8.1 of CoNLL-U, 7.
_MOST_DIGITS = 18
_TAG = re.compile(r"O|[BI]-.+")
_LINES_READ = 2000

Sentences = Sequence[tuple[Sequence[int], Sequence[str]]]
"""The lines and the first column of every sentence."""


class TokenColumns(Frozen):
    """The columns of a word and of its tag, counted from 1."""

    word: PositiveInt
    tag: PositiveInt


def check_first_column(
    file: DataFile, sentences: Sentences, columns: int, lines: Iterator[list[str]]
) -> None:
    """Raises DataError if the first column has numbers or tags, counts, or is constant.

    It is constant if it has one value in each sentence, which is only doubtful if there are more
    than two `columns`. `lines` are the columns of each line of the file, to find that of the words.
    """
    column = [words for _, words in sentences]
    if (why := _no_words(column, columns)) is None:
        return
    word, tag = _likely_columns(list(islice(lines, _LINES_READ)))
    raise file.fault(
        sentences[0][0][0],
        f"column 1 {why}, so it holds no words. {_columns_remedy(word, tag)}",
    )


def _columns_remedy(word: int | None, tag: int | None) -> str:
    """The line of the manifest that names the columns; None: to be filled in by the user."""
    named = f"columns: {{word: {word or '…'}, tag: {tag or '…'}}}"
    which = " (counted from 1)" if word and tag else " with their numbers, counted from 1"
    return f"Name the columns of word and tag in the manifest: {named}{which}."


def _no_words(column: Sequence[Sequence[str]], columns: int) -> str | None:
    """Why a column, by sentence, cannot hold the words; None if it can."""
    words = [word for sentence in column for word in sentence if not word.startswith("#")]
    if words and all(_NUMBERS.fullmatch(word) for word in words):
        return "holds only numbers"
    if words and all(_TAG.fullmatch(word) for word in words):
        return "holds tags"
    longer = [sentence for sentence in column if len(sentence) > 1]
    if columns > 2 and longer:
        if all(len(set(sentence)) == 1 for sentence in longer):
            return "has one value on all lines of a sentence"
        if all(map(_counts, longer)):
            return "counts the lines"
    return None


def _counts(sentence: Sequence[str]) -> bool:
    """Whether the values are one text with a number that grows by 1: w1, w2, w3."""
    found = map(_stem_and_number, sentence)
    parts = [each for each in found if each is not None]
    return len(parts) == len(sentence) and all(
        before[0] == after[0] and after[1] == before[1] + 1 for before, after in pairwise(parts)
    )


def _stem_and_number(value: str) -> tuple[str, int] | None:
    """A value that ends in a number, in two parts; None for another one, or a very long number."""
    stem = value.rstrip("0123456789")
    digits = value[len(stem) :]
    return (stem, int(digits)) if 0 < len(digits) <= _MOST_DIGITS else None


def _likely_columns(lines: Sequence[list[str]]) -> tuple[int | None, int | None]:
    """The first column with words, and the last one with O, B- or I-; counted from 1."""
    usual = max((len(fields) for fields in lines), default=0)
    rows = [fields for fields in lines if len(fields) == usual and not fields[0].startswith("#")]
    columns = list(zip(*rows, strict=True))
    tags = [
        number
        for number, values in enumerate(columns, start=1)
        if any(value == "O" or value.startswith(("B-", "I-")) for value in values)
    ]
    tag = tags[-1] if tags else None
    words = [
        number
        for number, values in enumerate(columns, start=1)
        if number not in (1, tag) and _no_words([values], usual) is None
    ]
    return (words[0] if words else None), tag
