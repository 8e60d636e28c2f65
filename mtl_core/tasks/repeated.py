"""Evaluated sentences that an earlier split contains too, exactly or nearly."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mtl_core.text import counted

_LONGEST_PIECE = 1_000
_NO_LETTER_OR_DIGIT = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Repeated:
    """The sentences of later splits that also occur in an earlier one.

    The sentences of `nearly` occur there with other case, blanks or punctuation only.
    """

    exactly: tuple[str, ...]
    nearly: tuple[str, ...]


def find_repeated(splits: Iterable[Sequence[str]]) -> Repeated:
    """Compare each split with those before it."""
    exactly: list[str] = []
    nearly: list[str] = []
    earlier, earlier_cores = set[str](), set[str]()
    for sentences in splits:
        cores = [_core(sentence) for sentence in sentences]
        for sentence, core in zip(sentences, cores, strict=True):
            if sentence in earlier:
                exactly.append(sentence)
            elif core and core in earlier_cores:
                nearly.append(sentence)
        earlier |= set(sentences)
        earlier_cores |= set(cores)
    return Repeated(tuple(exactly), tuple(nearly))


def repeated_words(count: int) -> str:
    """`3 evaluated sentences also occur in another split`."""
    return f"{counted(count, 'evaluated sentence')} also occur{'s' * (count == 1)} in another split"


def nearly_repeated_words(count: int) -> str:
    """`3 evaluated sentences also occur in another split, with other case, …`."""
    return f"{repeated_words(count)}, with other case, blanks or punctuation"


def _core(sentence: str) -> str:
    """Letters and digits alone, without case; empty for a sentence of symbols."""
    normal = "".join(map(_normal, sentence.split()))
    return _NO_LETTER_OR_DIGIT.sub("", normal.casefold())


def _normal(word: str) -> str:
    """A word in the normal form NFKC, which takes quadratic time for many combining marks."""
    if word.isascii() or len(word) <= _LONGEST_PIECE:
        return unicodedata.normalize("NFKC", word)
    pieces = range(0, len(word), _LONGEST_PIECE)
    return "".join(
        unicodedata.normalize("NFKC", word[start : start + _LONGEST_PIECE]) for start in pieces
    )
