"""What a model is asked, and what it answers: sentences in, each task's answer with confidence.

Confidence is the softmax over a head's outputs. It says how sure the head is, not how often it is
right: no head here is calibrated.
"""

from pathlib import Path
from typing import Literal

from mtl_core.tasks.split_words import split_words
from mtl_core.training.spec import RunSpec
from mtl_core.values import Frozen


class AskedModel(Frozen):
    """A model to ask: the one a run wrote into `folder`, or, without a folder, the checkpoint as
    it is before that run, with the fresh heads of the run's seed."""

    spec: RunSpec
    folder: Path | None = None


class Sentence(Frozen):
    """A sentence to answer. Sentence tasks read `text`, or `words` where there is none; token
    tasks read `words`."""

    text: str | None
    words: tuple[str, ...]

    @classmethod
    def typed(cls, text: str) -> "Sentence":
        """A sentence as someone types it, cut into words by `split_words`."""
        return cls(text=text, words=tuple(word.text for word in split_words(text)))


class SentenceAnswer(Frozen):
    """A sentence task's answer; `by_label` holds the softmax of every output."""

    kind: Literal["sentence"] = "sentence"
    label: str
    confidence: float
    by_label: dict[str, float]


class Entity(Frozen):
    """Words `start` up to, not including, `end`, and the mean confidence of their tags."""

    start: int
    end: int
    type: str
    confidence: float


class TokenAnswer(Frozen):
    """A token task's answer: for each word its tag and that tag's softmax.

    A word that was cut off, or of which the tokenizer made nothing, is `O` with no confidence.
    """

    kind: Literal["token"] = "token"
    tags: tuple[str, ...]
    confidences: tuple[float | None, ...]
    entities: tuple[Entity, ...]


class Prediction(Frozen):
    """One model's answers to one sentence, by task name.

    `words_read` is how many words fitted into the model's maximum length; below `words` the
    sentence was cut.
    """

    answers: dict[str, SentenceAnswer | TokenAnswer]
    words: int
    words_read: int

    @property
    def cut(self) -> bool:
        """Whether the end of the sentence was not read."""
        return self.words_read < self.words
