"""Holds out a part of the training sentences for validation, if a task has no validation file.

The selection depends on the texts only, so the same file is always divided in the same way, and
equal sentences are on one side.
"""

import hashlib
from collections import Counter
from collections.abc import Hashable, Sequence

from mtl_core.errors import DataError
from mtl_core.text import percent

SHARE = 0.2
"""The share of the training file that becomes the validation split."""


def held_out(name: str, texts: Sequence[str], strata: Sequence[Hashable]) -> frozenset[int]:
    """Select the positions of the validation split: 20 % of each stratum, by a hash of the text.

    A stratum is a class, or the sentences with or without entities. One with a single sentence
    stays in training. Raises DataError if nothing can be held out of the file called `name`.
    """
    places: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        places.setdefault(text, []).append(place)
    stratum_of = {text: strata[found[0]] for text, found in places.items()}
    wanted = {
        stratum: round(SHARE * count) or min(1, count - 1)
        for stratum, count in Counter(strata).items()
    }
    distinct = Counter(stratum_of.values())
    held: list[int] = []
    for text in sorted(places, key=_hash):
        stratum = stratum_of[text]
        if wanted[stratum] >= len(places[text]) and distinct[stratum] > 1:
            held += places[text]
            wanted[stratum] -= len(places[text])
            distinct[stratum] -= 1
    if not held:
        raise DataError(
            f"{name} has too few sentences to hold out a part for validation. Add a validation "
            "file (in a manifest, the key 'validation' of the task)."
        )
    return frozenset(held)


def split_note(held: int, total: int, by: str) -> str:
    """One sentence for the user about the split; `by` names what the strata share."""
    return (
        f"No validation file: {held:,} of {total:,} training sentences "
        f"({percent(held / total)}, by a hash of their text, stratified by {by}) are the "
        "validation split."
    )


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
