"""Encodes examples as token ids, with each word's tag on its first sub-word.

Only the first sub-word has the tag, in the loss and in the score. Otherwise long words would count
several times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mtl_core.errors import DataError, InvalidRun, UnsupportedArchitecture
from mtl_core.tasks.example import Example
from mtl_core.tasks.schemes import OUTSIDE, spans
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.tasks.tokenizer_file import tokenizer_faults
from mtl_core.text import counted

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
    `input_ids` of each word's first token. It is None for a word whose first token was cut off, and
    for one without tokens.
    `first_sub_words` is empty for an example in text.
    """

    input_ids: tuple[int, ...]
    labels: Mapping[str, int | tuple[int, ...]]
    first_sub_words: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class EncodedSplit:
    """All examples of a split, in their order.

    By token task, `entities_lost` counts the entities of which truncation cut off a word, and
    `entities_without_tokens` those with a word for which the tokenizer gives no token: no
    prediction of them can be correct. `words_without_tokens` counts such words by token task, and
    `sentences_without_words` the sentences of which special tokens are all that is left.
    `first_tokens_of_words` counts the sentences whose first token is not a special one. `longest`
    is in tokens, including special tokens.
    """

    examples: tuple[EncodedExample, ...]
    entities_lost: Mapping[str, int]
    longest: int
    words_without_tokens: Mapping[str, int]
    entities_without_tokens: Mapping[str, int]
    sentences_without_words: int
    first_tokens_of_words: int


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
    `add_prefix_space=True`. Raises InvalidRun as `check_max_length` does, DataError for a sentence
    without a single token, UnsupportedArchitecture without a fast tokenizer, and DamagedCheckpoint
    if the tokenizer fails.
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
    _check_tokens(labellings[0], sub_words)
    cut_left = truncates_left(tokenizer)
    sentences = [
        _sentence(one, len(example.words or ()), cut_left)
        for example, one in zip(labellings[0], sub_words, strict=True)
    ]
    return [_encoded_split(examples, sentences, tasks) for examples in labellings]


def truncates_left(tokenizer: Tokenizer) -> bool:
    """Whether truncation cuts off the first tokens of a sentence rather than the last."""
    return getattr(tokenizer, "truncation_side", "right") == "left"


def losses_in_words(split: EncodedSplit, where: str, suffix: str = "") -> tuple[str, ...]:
    """One sentence for each kind of loss in a split, such as entities that are cut off.

    `where` is the split in words, and `suffix` follows the name of the task.
    """
    lines = []
    for task, lost in split.entities_lost.items():
        if lost:
            what = counted(lost, "entity is", "entities are")
            lines.append(f"{what} cut off in {where} of {task}{suffix}.")
    for task, words in split.words_without_tokens.items():
        if words:
            entities = counted(split.entities_without_tokens[task], "entity", "entities")
            lines.append(
                f"{counted(words, 'word has', 'words have')} no token with this tokenizer in "
                f"{where} of {task}{suffix}; {entities} with such a word cannot be found."
            )
    if split.sentences_without_words:
        sentences = counted(split.sentences_without_words, "sentence has", "sentences have")
        lines.append(f"{sentences} only special tokens in {where}{suffix}.")
    return tuple(lines)


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
            with tokenizer_faults("The tokenizer of this checkpoint cannot be applied"):
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


def _check_tokens(examples: Sequence[Example], sub_words: Sequence[SubWords]) -> None:
    """Raises DataError for a sentence without a token, which no head can read."""
    for number, (example, one) in enumerate(zip(examples, sub_words, strict=True), start=1):
        if not one.ids:
            shown = example.text if example.text is not None else " ".join(example.words or ())
            raise DataError(
                f"The tokenizer gives no token for sentence {number:,}, "
                f"{shown[:60]!a}. Remove it from the data, or choose another checkpoint."
            )


@dataclass(frozen=True)
class _Sentence:
    """What an encoded example has independently of its labels.

    `cut_off` and `without_tokens` are the words whose first token was cut off, and those without
    tokens. `word_first` is whether the first token is part of a word, `words_left` whether any is.
    """

    input_ids: tuple[int, ...]
    first_sub_words: tuple[int | None, ...]
    cut_off: frozenset[int]
    without_tokens: frozenset[int]
    word_first: bool
    words_left: bool


def _sentence(sub_words: SubWords, words: int, cut_left: bool) -> _Sentence:
    """Find the words of a sentence of `words` words; `cut_left` is the side of truncation."""
    found = sub_words.word_ids
    cut = {word for part in sub_words.overflowing for word in part.word_ids if word is not None}
    first = {
        word: place
        for word, place in _first_places(found).items()
        if not cut_left or word not in cut
    }
    return _Sentence(
        input_ids=tuple(sub_words.ids),
        first_sub_words=tuple(first.get(word) for word in range(words)),
        cut_off=frozenset(cut - first.keys()),
        without_tokens=frozenset(set(range(words)) - cut - first.keys()),
        word_first=found[0] is not None,
        words_left=any(word is not None for word in found),
    )


def _encoded_split(
    examples: Sequence[Example], sentences: Sequence[_Sentence], tasks: Sequence[Task]
) -> EncodedSplit:
    """Add one labelling to the sentences, and count what no prediction can find."""
    outputs = {task.name: {tag: row for row, tag in enumerate(task.outputs)} for task in tasks}
    tags = {task.name: _tags(examples, task) for task in tasks if task.kind is TaskKind.TOKEN}

    def entities(task: str, words: str) -> int:
        pairs = zip(tags[task], sentences, strict=True)
        return sum(_entities_with(each, getattr(sentence, words)) for each, sentence in pairs)

    return EncodedSplit(
        examples=tuple(
            _encoded(example, sentence, outputs)
            for example, sentence in zip(examples, sentences, strict=True)
        ),
        entities_lost={task: entities(task, "cut_off") for task in tags},
        longest=max((len(one.input_ids) for one in sentences), default=0),
        words_without_tokens={
            task: sum(
                len(sentence.without_tokens)
                for each, sentence in zip(found, sentences, strict=True)
                if each
            )
            for task, found in tags.items()
        },
        entities_without_tokens={task: entities(task, "without_tokens") for task in tags},
        sentences_without_words=sum(not sentence.words_left for sentence in sentences),
        first_tokens_of_words=sum(sentence.word_first for sentence in sentences),
    )


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


def _first_places(word_ids: Sequence[int | None]) -> dict[int, int]:
    """By word, the place of its first token that is left."""
    first: dict[int, int] = {}
    for place, word in enumerate(word_ids):
        if word is not None:
            first.setdefault(word, place)
    return first


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


def _entities_with(tags: Sequence[str], words: frozenset[int]) -> int:
    """The number of entities that contain one of these words."""
    if not words:
        return 0
    return sum(not words.isdisjoint(range(span.start, span.end)) for span in spans(tags))
