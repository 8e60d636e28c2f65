"""A labelled sentence."""

from collections.abc import Mapping
from dataclasses import dataclass

Label = str | tuple[str, ...]
"""The label of a sentence, or one tag per word."""


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled sentence, as text or as words (exactly one of the two is set).

    `labels` maps task names to a label (sentence tasks) or one tag per word (token tasks). Tasks
    that read the same file share an example.
    """

    text: str | None
    words: tuple[str, ...] | None
    labels: Mapping[str, Label]
