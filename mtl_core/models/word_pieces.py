"""Splits words into word pieces with a checkpoint's tokenizer file, without torch.

Words of a domain that split into many pieces were rare in the pretraining text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtl_core.models.checkpoint import Checkpoint
from mtl_core.tasks.tokenizer_file import (
    no_tokenizer,
    read_tokenizer,
    tokenizer_faults,
    tokenizer_file,
)

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_SPACE_MARKS = "▁Ġ"  # how SentencePiece and byte-level BPE write the space before a word


@dataclass(frozen=True, slots=True)
class SplitWord:
    """One word and its word pieces.

    `pieces` are the parts of the given word, one per token, without the tokenizer's markers. A
    token that is only a marker is kept as it is. A piece appears twice if the bytes of a character
    belong to two tokens. `unknown`: part of the word is not in the vocabulary, so the model sees
    the unknown token.
    """

    word: str
    pieces: tuple[str, ...]
    unknown: bool


def split_into_pieces(words: Iterable[str], checkpoint: Checkpoint) -> tuple[SplitWord, ...] | None:
    """Splits each of `words` as inside a sentence, in the given order.

    None if the checkpoint's tokenizer.json is not on this machine. Surrounding whitespace is
    removed; an empty word has no pieces.
    Raises DamagedCheckpoint if the file is not a valid tokenizer.
    """
    file = tokenizer_file(checkpoint.folder)
    if file is None:
        return None
    stripped = [word.strip() for word in words]
    tokenizer = read_tokenizer(file)
    with tokenizer_faults(no_tokenizer(file)):
        encodings = tokenizer.encode_batch(stripped, add_special_tokens=False)
        unknown = _unknown_id(tokenizer)
    return tuple(
        SplitWord(word, _pieces(word, encoding), unknown in encoding.ids)
        for word, encoding in zip(stripped, encodings, strict=True)
    )


def _unknown_id(tokenizer: "Tokenizer") -> int | None:
    """The id of the unknown token. A Unigram model does not expose its name."""
    stated = getattr(tokenizer.model, "unk_token", None)
    found = (tokenizer.token_to_id(name) for name in ([stated] if stated else ["<unk>", "[UNK]"]))
    return next((each for each in found if each is not None), None)


def _pieces(word: str, encoding: "Encoding") -> tuple[str, ...]:
    return tuple(
        word[start:end] if token.strip(_SPACE_MARKS) else token
        for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True)
    )
