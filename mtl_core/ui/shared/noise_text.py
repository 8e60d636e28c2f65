"""Shares of wrong labels by task as one text, such as an address holds: `sentiment=0.3,ner=0.1`."""

from collections.abc import Mapping
from math import isfinite


def shares_of(text: str) -> dict[str, float]:
    """Shares above 0 by task. Raises ValueError for a text that holds anything else."""
    shares = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        task, _, share = part.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = float("nan")
        if not task or not isfinite(number) or not 0 <= number <= 1:
            raise ValueError("write task=share with a share from 0 to 1, such as ner=0.3")
        shares[task] = number
    return {task: share for task, share in shares.items() if share}


def text_of(shares: Mapping[str, float]) -> str:
    """The text from which `shares_of` makes these shares; 0 is left out."""
    return ",".join(f"{task}={share!r}" for task, share in shares.items() if share)


def as_one_text(text: str) -> str:
    """The text in its one usual way to be written. Raises ValueError as `shares_of`."""
    return text_of(shares_of(text))
