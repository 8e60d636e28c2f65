"""Encodes examples as token ids, with each word's tag on its first sub-word.

Only the first sub-word has the tag, in the loss and in the score. Otherwise long words would count
several times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mtl_core.errors import InvalidRun, UnsupportedArchitecture
from mtl_core.tasks.dataset import Example
from mtl_core.tasks.schemes import OUTSIDE, spans
from mtl_core.tasks.task import Task, TaskKind

IGNORED = -100  # the label that torch's cross entropy ignores
MIN_LENGTH = 8
_BATCH = 512


class SubWords(Protocol):
    """One sentence as the tokenizers library returns it."""

    @property
    def ids(self) -> list[int]:
        """Token ids, special tokens included."""

    @property
    def word_ids(self) -> list[int | None]:
        """The word of each token, or None for a special token."""

    @property
    def overflowing(self) -> list[Any]:
        """The parts that truncation cut off."""


class Encodings(Protocol):
    """A batch as transformers returns it."""

    @property
    def encodings(self) -> Sequence[SubWords] | None:
        """One per sentence, or None without a fast tokenizer."""


class Tokenizer(Protocol):
    """The interface of a transformers tokenizer that encoding uses."""

    def __call__(self, text: Any, **options: Any) -> Encodings:
        """Encode a list of texts, or of lists of words with `is_split_into_words`."""


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """One encoded example without padding.

    `labels` maps task names to the index of an output, or to one index per token of `input_ids`
    (IGNORED on special tokens and continuations). `first_sub_words` holds the position in
    `input_ids` of each word's first token. It is None for a word that was cut off or has no tokens.
    `first_sub_words` is empty for an example in text.
    """

    input_ids: tuple[int, ...]
    labels: Mapping[str, int | tuple[int, ...]]
    first_sub_words: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class EncodedSplit:
    """All examples of a split, in their order.

    `entities_lost` counts, by token task, the entities of which truncation cut off a word; no
    prediction of them can be correct. `longest` is in tokens, including special tokens.
    """

    examples: tuple[EncodedExample, ...]
    entities_lost: Mapping[str, int]
    longest: int


def check_max_length(max_length: int, max_positions: int | None) -> None:
    """Raises InvalidRun unless MIN_LENGTH <= max_length <= max_positions (None: no limit)."""
    limit = "" if max_positions is None else f" and at most {max_positions:,}"
    if max_length < MIN_LENGTH or (max_positions is not None and max_length > max_positions):
        raise InvalidRun(
            f"A maximum length of {max_length:,} tokens cannot be used. "
            f"Choose at least {MIN_LENGTH}{limit} for this checkpoint."
        )


def encode(
    examples: Sequence[Example],
    tasks: Sequence[Task],
    tokenizer: Tokenizer,
    max_length: int,
    max_positions: int | None = None,
) -> EncodedSplit:
    """Encode all examples as token ids and label indices, truncated to `max_length` tokens.

    A tokenizer whose words begin with a blank (RoBERTa's) must be loaded with
    `add_prefix_space=True`. Raises InvalidRun as `check_max_length` does, and
    UnsupportedArchitecture without a fast tokenizer.
    """
    (encoded,) = encode_labellings([examples], tasks, tokenizer, max_length, max_positions)
    return encoded


def encode_labellings(
    labellings: Sequence[Sequence[Example]],
    tasks: Sequence[Task],
    tokenizer: Tokenizer,
    max_length: int,
    max_positions: int | None = None,
) -> list[EncodedSplit]:
    """As `encode`, for the same sentences with several labellings; they are tokenized once."""
    check_max_length(max_length, max_positions)
    if not labellings:
        return []
    sub_words = _sub_words(labellings[0], tokenizer, max_length)
    sentences = [
        _Sentence(tuple(one.ids), _first_places(one, len(example.words or ())))
        for example, one in zip(labellings[0], sub_words, strict=True)
    ]
    outputs = {task.name: {tag: row for row, tag in enumerate(task.outputs)} for task in tasks}
    return [
        EncodedSplit(
            examples=tuple(
                _encoded(example, sentence, outputs)
                for example, sentence in zip(examples, sentences, strict=True)
            ),
            entities_lost={
                task.name: sum(map(_entities_lost, _tags(examples, task), sub_words))
                for task in tasks
                if task.kind is TaskKind.TOKEN
            },
            longest=max((len(one.input_ids) for one in sentences), default=0),
        )
        for examples in labellings
    ]


def word_tags(encoded: EncodedExample, indices: Sequence[int], task: Task) -> tuple[str, ...]:
    """The predicted tag of each word, read at its first sub-word.

    `indices`: the highest output at each token, (tokens,) or longer with padding. A word that was
    cut off or has no tokens counts as `O`. The tags are in the scheme of the task;
    `score_entities` converts them.
    """
    return tuple(
        OUTSIDE if place is None else task.outputs[indices[place]]
        for place in encoded.first_sub_words
    )


def _sub_words(
    examples: Sequence[Example], tokenizer: Tokenizer, max_length: int
) -> list[SubWords]:
    """One entry per example; texts and words are tokenized in separate batches."""
    in_words = [place for place, example in enumerate(examples) if example.words is not None]
    in_text = [place for place, example in enumerate(examples) if example.words is None]
    found: dict[int, SubWords] = {}
    for places, split_into_words in ((in_text, False), (in_words, True)):
        for start in range(0, len(places), _BATCH):
            batch = places[start : start + _BATCH]
            encodings = tokenizer(
                [_read(examples[place]) for place in batch],
                is_split_into_words=split_into_words,
                add_special_tokens=True,
                truncation=True,
                max_length=max_length,
                padding=False,
            ).encodings
            if encodings is None:
                raise UnsupportedArchitecture(
                    "This checkpoint has no fast tokenizer, so sub-words cannot be traced to "
                    "their words. Add its tokenizer.json, or choose another checkpoint."
                )
            found.update(zip(batch, encodings, strict=True))
    return [found[place] for place in range(len(examples))]


def _read(example: Example) -> str | list[str] | None:
    return example.text if example.words is None else list(example.words)


@dataclass(frozen=True)
class _Sentence:
    """What an encoded example has independently of its labels."""

    input_ids: tuple[int, ...]
    first_sub_words: tuple[int | None, ...]


def _encoded(
    example: Example, sentence: _Sentence, outputs: Mapping[str, Mapping[str, int]]
) -> EncodedExample:
    places, length = sentence.first_sub_words, len(sentence.input_ids)
    labels = {
        name: outputs[name][label]
        if isinstance(label, str)
        else _on_first_sub_words([outputs[name][tag] for tag in label], places, length)
        for name, label in example.labels.items()
        if name in outputs
    }
    return EncodedExample(sentence.input_ids, labels, places)


def _first_places(sub_words: SubWords, words: int) -> tuple[int | None, ...]:
    first: dict[int, int] = {}
    for place, word in enumerate(sub_words.word_ids):
        if word is not None:
            first.setdefault(word, place)
    return tuple(first.get(word) for word in range(words))


def _on_first_sub_words(
    indices: Sequence[int], places: Sequence[int | None], length: int
) -> tuple[int, ...]:
    labels = [IGNORED] * length
    for index, place in zip(indices, places, strict=True):
        if place is not None:
            labels[place] = index
    return tuple(labels)


def _tags(examples: Sequence[Example], task: Task) -> list[tuple[str, ...]]:
    """Each example's tags for `task`; empty for an example without labels for it."""
    labels = (example.labels.get(task.name, ()) for example in examples)
    return [() if isinstance(label, str) else label for label in labels]


def _entities_lost(tags: Sequence[str], sub_words: SubWords) -> int:
    if not sub_words.overflowing:
        return 0
    kept = max((word for word in sub_words.word_ids if word is not None), default=-1)
    return sum(span.end - 1 > kept for span in spans(tags))
