"""What exists, in an error message: the nearest names first, then all of them."""

from collections.abc import Collection
from difflib import get_close_matches

_SHOWN = 12


def what_exists(asked: str, names: Collection[str], kind: str) -> str:
    """A sentence such as `Nearest: 'label'. Columns: 'text', 'label'.`; `kind` is the plural."""
    close = get_close_matches(asked, names, n=3, cutoff=0.5)
    nearest = f"Nearest: {quoted(close)}. " if close else ""
    return f"{nearest}{kind}: {quoted(names)}."


def quoted(names: Collection[str]) -> str:
    """Names in quotation marks, the first dozen of them."""
    listed = ", ".join(f"'{name[:60]}'" for name in list(names)[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{listed} and {more:,} more" if more > 0 else listed
