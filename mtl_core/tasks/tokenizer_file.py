"""Loads a checkpoint's `tokenizer.json` by the tokenizers library, without torch or transformers.

The result splits words as training does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtl_core.errors import DamagedCheckpoint, FreezeLabError, require_memory
from mtl_core.json_files import read_json
from mtl_core.text import one_line

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_FILE = "tokenizer.json"
_CONFIG_FILE = "tokenizer_config.json"
_TOKENIZER_BYTES = 128 * 2**20  # tokenizers of 250,000 tokens have 17 MB


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
        found = read_json(file, _TOKENIZER_BYTES)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def read_tokenizer(file: Path) -> "Tokenizer":
    """Load the tokenizer in `file` without padding and truncation.

    If its vocabulary marks spaces, every word is read as if after a space, as in training. Raises
    DamagedCheckpoint if the file is not a tokenizer.
    """
    from tokenizers import Tokenizer

    with tokenizer_faults(no_tokenizer(file)):
        if file.stat().st_size > _TOKENIZER_BYTES:
            raise ValueError(f"it has more than the {_TOKENIZER_BYTES:,} bytes that are read")
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        if getattr(tokenizer.pre_tokenizer, "add_prefix_space", None) is False:
            tokenizer.pre_tokenizer.add_prefix_space = True
    return tokenizer


@contextmanager
def tokenizer_faults(problem: str, remedy: str = "Download or copy it again.") -> Iterator[None]:
    """Turns every error of a tokenizer into DamagedCheckpoint: `problem`, its cause, `remedy`.

    Loading and applying one runs what its file describes, in Rust. A panic there arrives as
    `pyo3_runtime.PanicException`, which no module exports and which is no Exception.
    """
    try:
        yield
    except (FreezeLabError, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if isinstance(error, Exception):
            require_memory(error)
        raise DamagedCheckpoint(f"{problem}: {one_line(error)} {remedy}") from error


def no_tokenizer(file: Path) -> str:
    """The beginning of the error for a file that cannot be loaded or applied."""
    return f"{file} cannot be used as a tokenizer"
