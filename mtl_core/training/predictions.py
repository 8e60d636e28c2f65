"""Inputs and outputs of prediction: sentences, and each task's answer with its confidence.

Confidence is the softmax over a head's outputs. The heads are not calibrated, so it does not
estimate how often an answer is correct.
"""

from pathlib import Path
from typing import Literal

from mtl_core.tasks.split_words import split_words
from mtl_core.training.spec import RunSpec
from mtl_core.values import Frozen


class ModelSource(Frozen):
    """A model to query: the one that a run wrote into `folder`.

    Without a folder it is the model before that run: the checkpoint with new heads from its seed.
    """

    spec: RunSpec
    folder: Path | None = None


class Sentence(Frozen):
    """An input sentence. Sentence tasks read `text`, or `words` if it is None.

    Token tasks read `words`.
    """

    text: str | None
    words: tuple[str, ...]

    @classmethod
    def typed(cls, text: str) -> "Sentence":
        """Create a sentence from typed text, divided into words by `split_words`."""
        return cls(text=text, words=tuple(word.text for word in split_words(text)))


class SentenceAnswer(Frozen):
    """A sentence task's answer; `by_label` is the softmax by label."""

    kind: Literal["sentence"] = "sentence"
    label: str
    confidence: float
    by_label: dict[str, float]


class Entity(Frozen):
    """The words from `start` to before `end`, with the mean confidence of their tags."""

    start: int
    end: int
    type: str
    confidence: float


class TokenAnswer(Frozen):
    """A token task's answer: the tag of each word, and its softmax as the confidence.

    A word that was cut off, or that the tokenizer reduced to nothing, is `O` without a confidence.
    """

    kind: Literal["token"] = "token"
    tags: tuple[str, ...]
    confidences: tuple[float | None, ...]
    entities: tuple[Entity, ...]


class Prediction(Frozen):
    """One model's answers to one sentence, by task name.

    `words_read` is the number of words that fit into the model's maximum length, from the word
    `first_read` on: 0 unless the tokenizer truncates on the left. If it is below `words`, the
    sentence was truncated.
    """

    answers: dict[str, SentenceAnswer | TokenAnswer]
    words: int
    words_read: int
    first_read: int = 0

    @property
    def read(self) -> slice:
        """The words that were read."""
        return slice(self.first_read, self.first_read + self.words_read)

    @property
    def read_in_words(self) -> str:
        """`14 of 20 words`, or `the last 14 of 20 words` after truncation on the left."""
        which = "the last " if self.first_read else ""
        return f"{which}{self.words_read} of {self.words} words"

    @property
    def cut(self) -> bool:
        """Whether the sentence was truncated."""
        return self.words_read < self.words
