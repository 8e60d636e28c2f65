"""A checkpoint's `tokenizer.json`, read by the tokenizers library alone: no torch, no transformers.

It counts the sub-words of data and cuts the words of a visitor; both must cut as training does.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_FILE = "tokenizer.json"


def tokenizer_file(folder: Path | None) -> Path | None:
    """The tokenizer's file in a checkpoint's folder; None if it is not on this machine."""
    file = folder / TOKENIZER_FILE if folder else None
    return file if file and file.is_file() else None


def read_tokenizer(file: Path) -> "Tokenizer":
    """The tokenizer in `file`, which neither pads nor cuts off.

    Where its vocabulary marks spaces it reads every word as one inside a sentence, after a space,
    as training does. Raises ValueError if the file cannot be read as a tokenizer.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        if getattr(tokenizer.pre_tokenizer, "add_prefix_space", None) is False:
            tokenizer.pre_tokenizer.add_prefix_space = True
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(f"{file.name} cannot be read as a tokenizer: {error}") from error
    return tokenizer
