"""Loads a checkpoint's `tokenizer.json` by the tokenizers library, without torch or transformers.

The result splits words as training does.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_FILE = "tokenizer.json"
_CONFIG_FILE = "tokenizer_config.json"


def tokenizer_file(folder: Path | None) -> Path | None:
    """The tokenizer's file in a checkpoint's folder; None if it is not on this machine."""
    file = folder / TOKENIZER_FILE if folder else None
    return file if file and file.is_file() else None


def truncation_side(file: Path) -> str:
    """The side that truncation cuts off, `left` or `right`, as transformers reads it.

    It is stated in the tokenizer's configuration beside `file`, or else in `file`.
    """
    side = _keys(file.with_name(_CONFIG_FILE)).get("truncation_side")
    if side is None:
        truncation = _keys(file).get("truncation")
        side = truncation.get("direction") if isinstance(truncation, dict) else None
    return "left" if str(side).lower() == "left" else "right"


def _keys(file: Path) -> dict[str, Any]:
    """The keys of a JSON file; empty if it has none."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_tokenizer(file: Path) -> "Tokenizer":
    """Load the tokenizer in `file` without padding and truncation.

    If its vocabulary marks spaces, every word is read as if after a space, as in training. Raises
    ValueError if the file is not a tokenizer.
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
