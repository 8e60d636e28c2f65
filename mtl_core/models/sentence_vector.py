"""The sentence vector: the part of the encoder's output that sentence heads read."""

from enum import StrEnum


class SentenceVector(StrEnum):
    """What a sentence head reads. Token heads always read the state of each token."""

    FIRST_TOKEN = "first-token"  # noqa: S105 - the last hidden state of the first token
    MEAN = "mean"  # the mean of the last hidden states of all tokens, special tokens included
    POOLER = "pooler"  # the output of the checkpoint's pooler, a layer above the first token

    @property
    def words(self) -> str:
        """The vector as words within a sentence."""
        return _WORDS[self]


_WORDS = {
    SentenceVector.FIRST_TOKEN: "first token",
    SentenceVector.MEAN: "mean of all tokens",
    SentenceVector.POOLER: "pooler",
}
