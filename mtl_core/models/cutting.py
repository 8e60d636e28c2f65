"""How a checkpoint cuts words into pieces, by its own tokenizer file and without torch.

A domain's words that fall into many pieces are words the checkpoint has seldom read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtl_core.errors import DamagedCheckpoint
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.tasks.tokenizer_file import read_tokenizer, tokenizer_file

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_SPACE_MARKS = "▁Ġ"  # how SentencePiece and byte-level BPE write the space before a word


@dataclass(frozen=True, slots=True)
class CutWord:
    """One word as a checkpoint reads it.

    `pieces` are parts of the word as it was given, one for each token, without the tokenizer's
    marks; a mark that is a token by itself stands as it is. A piece may stand twice where the bytes
    of one character are cut apart. `unknown`: some part has no piece in the vocabulary, so that
    the model cannot tell it from others.
    """

    word: str
    pieces: tuple[str, ...]
    unknown: bool


def cut_words(words: Iterable[str], checkpoint: Checkpoint) -> tuple[CutWord, ...] | None:
    """Each of `words`, in order, as `checkpoint` cuts it inside a sentence.

    None if its tokenizer.json is not on this machine. Surrounding space is dropped; a word that
    is nothing else has no pieces.
    Raises DamagedCheckpoint if the file cannot be read as a tokenizer.
    """
    file = tokenizer_file(checkpoint.folder)
    if file is None:
        return None
    stripped = [word.strip() for word in words]
    try:
        tokenizer = read_tokenizer(file)
        encodings = tokenizer.encode_batch(stripped, add_special_tokens=False)
    except Exception as error:  # the library raises nothing narrower
        raise DamagedCheckpoint(
            f"{file} cannot be used as a tokenizer: {error.__cause__ or error}. "
            "Download or copy it again."
        ) from None
    unknown = _unknown_id(tokenizer)
    return tuple(
        CutWord(word, _pieces(word, encoding), unknown in encoding.ids)
        for word, encoding in zip(stripped, encodings, strict=True)
    )


def _unknown_id(tokenizer: "Tokenizer") -> int | None:
    """The id that stands for whatever has no piece; a Unigram model does not tell its name."""
    stated = getattr(tokenizer.model, "unk_token", None)
    found = (tokenizer.token_to_id(name) for name in ([stated] if stated else ["<unk>", "[UNK]"]))
    return next((each for each in found if each is not None), None)


def _pieces(word: str, encoding: "Encoding") -> tuple[str, ...]:
    return tuple(
        word[start:end] if token.strip(_SPACE_MARKS) else token
        for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True)
    )
