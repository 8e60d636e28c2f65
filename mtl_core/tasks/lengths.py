"""The lengths of examples in sub-words, and the entities that a maximum length cuts off.

They are counted with the checkpoint's `tokenizer.json` by the tokenizers library, so that a page
imports neither torch nor transformers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtl_core.tasks.dataset import Example
from mtl_core.tasks.schemes import spans
from mtl_core.tasks.tokenizer_file import read_tokenizer, tokenizer_file

if TYPE_CHECKING:
    from tokenizers import Encoding

_BATCH = 512


@dataclass(frozen=True, slots=True)
class Lengths:
    """The lengths of examples in `unit`, one per example.

    `reaches` holds, for each entity, the shortest maximum length that includes the first sub-word
    of its last word. With a shorter one no prediction of the entity can be correct.
    """

    unit: str
    examples: tuple[int, ...]
    reaches: tuple[int, ...]

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
        """Raises ValueError if the file is not a tokenizer."""
        self._tokenizer = read_tokenizer(file)

    def lengths(self, examples: Sequence[Example], task: str) -> Lengths:
        """Lengths of `examples`, and the reach of each entity that `task` labels in them."""
        lengths, reaches = [], []
        special = self._tokenizer.num_special_tokens_to_add(False)
        for start in range(0, len(examples), _BATCH):
            batch = examples[start : start + _BATCH]
            for example, encoding in zip(batch, self._encoded(batch), strict=True):
                lengths.append(len(encoding.ids))
                reaches += _reaches(example, task, encoding, special)
        return Lengths(self.unit, tuple(lengths), tuple(reaches))

    def _encoded(self, batch: Sequence[Example]) -> list["Encoding"]:
        in_words = batch[0].words is not None
        read = [list(each.words) if each.words else each.text or "" for each in batch]
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
        except ValueError:
            pass
    return WordCounter()


def _reaches(example: Example, task: str, encoding: "Encoding", special: int) -> list[int]:
    """The reach of each entity, including special tokens."""
    tags = example.labels[task]
    if isinstance(tags, str):
        return []
    first: dict[int, int] = {}
    for place, word in enumerate(w for w in encoding.word_ids if w is not None):
        first.setdefault(word, place)
    whole, reaches = len(encoding.ids), []
    for span in spans(tags):
        kept_with = [place for word, place in first.items() if word >= span.end - 1]
        reaches.append(min(kept_with) + 1 + special if kept_with else whole)
    return reaches
