"""The lengths of examples in sub-words, and the entities that a maximum length cuts off.

They are counted with the checkpoint's `tokenizer.json` by the tokenizers library, so that a page
imports neither torch nor transformers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtl_core.errors import DamagedCheckpoint
from mtl_core.tasks.example import Example
from mtl_core.tasks.schemes import spans
from mtl_core.tasks.tokenizer_file import (
    no_tokenizer,
    read_tokenizer,
    tokenizer_faults,
    tokenizer_file,
    truncation_side,
)

if TYPE_CHECKING:
    from tokenizers import Encoding

_BATCH = 512


@dataclass(frozen=True, slots=True)
class Lengths:
    """The lengths of examples in `unit`, one per example.

    `reaches` holds, for each entity, the shortest maximum length that includes the first sub-word
    of each of its words. With a shorter one no prediction of the entity can be correct. The other
    counts are those of `EncodedSplit`, before truncation.
    """

    unit: str
    examples: tuple[int, ...]
    reaches: tuple[int, ...]
    words_without_tokens: int = 0
    entities_without_tokens: int = 0
    sentences_without_words: int = 0
    first_tokens_of_words: int = 0

    @property
    def longest(self) -> int:
        """The length of the longest example; 0 without examples."""
        return max(self.examples, default=0)

    def cut_off(self, max_length: int) -> int:
        """The number of examples longer than `max_length`."""
        return sum(length > max_length for length in self.examples)

    def entities_lost(self, max_length: int) -> int:
        """The number of entities that `max_length` cuts off, as training counts them."""
        return sum(reach > max_length for reach in self.reaches)


class SubWordCounter:
    """Counts sub-words with a checkpoint's tokenizer, including special tokens."""

    unit = "sub-words"

    def __init__(self, file: Path) -> None:
        """Raises DamagedCheckpoint if the file is not a tokenizer."""
        self._file = file
        self._tokenizer = read_tokenizer(file)
        self._cut_left = truncation_side(file) == "left"

    def lengths(self, examples: Sequence[Example], task: str) -> Lengths:
        """Lengths of `examples`, and the reach of each entity that `task` labels in them.

        Raises DamagedCheckpoint if the tokenizer fails.
        """
        lengths: list[int] = []
        entities: list[_Entities] = []
        unread = word_first = 0
        special = self._tokenizer.num_special_tokens_to_add(False)
        for start in range(0, len(examples), _BATCH):
            batch = examples[start : start + _BATCH]
            for example, encoding in zip(batch, self._encoded(batch), strict=True):
                lengths.append(len(encoding.ids))
                unread += all(word is None for word in encoding.word_ids)
                word_first += encoding.word_ids[:1] not in ([None], [])
                entities.append(_entities(example, task, encoding, special, self._cut_left))
        return Lengths(
            unit=self.unit,
            examples=tuple(lengths),
            reaches=tuple(reach for each in entities for reach in each.reaches),
            words_without_tokens=sum(each.words_without_tokens for each in entities),
            entities_without_tokens=sum(each.without_tokens for each in entities),
            sentences_without_words=unread,
            first_tokens_of_words=word_first,
        )

    def _encoded(self, batch: Sequence[Example]) -> list["Encoding"]:
        in_words = batch[0].words is not None
        read = [list(each.words) if each.words else each.text or "" for each in batch]
        with tokenizer_faults(no_tokenizer(self._file)):
            encoded: list[Encoding] = self._tokenizer.encode_batch(read, is_pretokenized=in_words)
        return encoded


class WordCounter:
    """Counts words between blanks, for a checkpoint without a tokenizer on this machine."""

    unit = "words"

    def lengths(self, examples: Sequence[Example], task: str) -> Lengths:  # noqa: ARG002
        """Lengths of `examples`; reaches are unknown without a tokenizer."""
        words = (each.words or (each.text or "").split() for each in examples)
        return Lengths(self.unit, tuple(map(len, words)), ())


Counter = SubWordCounter | WordCounter


def counter_for(folder: Path | None) -> Counter:
    """A counter of sub-words if the folder has a readable tokenizer, otherwise of words."""
    if file := tokenizer_file(folder):
        try:
            return SubWordCounter(file)
        except DamagedCheckpoint:
            pass
    return WordCounter()


@dataclass(frozen=True, slots=True)
class _Entities:
    """The reaches of a sentence's entities, and what the tokenizer gives no token for."""

    reaches: tuple[int, ...] = ()
    words_without_tokens: int = 0
    without_tokens: int = 0


def _entities(
    example: Example, task: str, encoding: "Encoding", special: int, cut_left: bool
) -> _Entities:
    """Reaches include `special` tokens; `cut_left` is the side of truncation."""
    tags = example.labels[task]
    if isinstance(tags, str):
        return _Entities()
    first: dict[int, int] = {}
    of_words = [word for word in encoding.word_ids if word is not None]
    for place, word in enumerate(of_words):
        first.setdefault(word, place)
    reaches, without_tokens = [], 0
    for span in spans(tags):
        places = [first[word] for word in range(span.start, span.end) if word in first]
        without_tokens += len(places) < span.end - span.start
        if places:
            reach = len(of_words) - min(places) if cut_left else max(places) + 1
            reaches.append(reach + special)
    return _Entities(tuple(reaches), len(tags) - len(first), without_tokens)
