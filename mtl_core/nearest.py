"""Lists of available names in error messages, with the nearest names first."""

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from itertools import islice

_SHOWN = 12
_LONGEST_NAME = 60
_LONGEST_COMPARED, _MOST_COMPARED = 200, 2_000
_MOST_PAIRS = 2_000_000  # of characters: a tenth of a second


def nearest_names(
    name: str, names: Collection[str], most: int = 3, cutoff: float = 0.6
) -> list[str]:
    """Up to `most` of `names` that are similar to `name`, the nearest first.

    `cutoff` is the least similarity, from 0 to 1. Nothing is similar to a name that is longer than
    names are, and of very many names only the first are compared: each comparison takes time.
    """
    if len(name) > _LONGEST_COMPARED:
        return []
    compared = list(_compared(name, names))
    return get_close_matches(name, compared, n=most, cutoff=cutoff)


def _compared(name: str, names: Collection[str]) -> Iterator[str]:
    """The names to compare with; each comparison takes the product of both lengths at most."""
    pairs = 0
    for each in islice(names, _MOST_COMPARED):
        if len(each) > _LONGEST_COMPARED:
            continue
        pairs += len(name) * len(each)
        if pairs > _MOST_PAIRS:
            return
        yield each


def did_you_mean(name: str, names: Collection[str], most: int = 1) -> str:
    """A sentence such as ` Did you mean 'ner'?` after a space, or an empty text."""
    similar = " or ".join(f"'{each}'" for each in nearest_names(name, names, most))
    return f" Did you mean {similar}?" if similar else ""


def available_names(name: str, names: Collection[str], kind: str) -> str:
    """A text such as `Nearest: 'label'. Columns: 'text', 'label'.`; `kind` is a plural."""
    close = nearest_names(name, names, cutoff=0.5)
    nearest = f"Nearest: {quoted(close)}. " if close else ""
    return f"{nearest}{kind}: {quoted(names)}."


def nearest_or_newest(name: str, newest_first: Sequence[str], how_to_list: str) -> str:
    """The ids nearest to `name`, or else the three newest ids and how to list the others."""
    nearest = nearest_names(name, newest_first, cutoff=0.5)
    if nearest:
        return f"Nearest: {', '.join(nearest)}."
    return f"The newest: {', '.join(newest_first[:3])}. {how_to_list}"


def quoted(names: Collection[str]) -> str:
    """The first twelve names in quotation marks, and the number of the others."""
    listed = ", ".join(f"'{name[:_LONGEST_NAME]}'" for name in list(names)[:_SHOWN])
    more = len(names) - _SHOWN
    return f"{listed} and {more:,} more" if more > 0 else listed
