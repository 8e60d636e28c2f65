"""A figure with its words, before it is drawn: the Compare page and the note show the same one."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mtl_core.charts.theme import Figure, Palette


@dataclass(frozen=True, slots=True)
class Panel:
    """A figure that is still to be drawn in a palette.

    `name` is the stem of its files. `title` says what is found in it; `lead` is the part of the
    title that is written in the colour of task `task`. `caption` says how it is to be read.
    """

    name: str
    lead: str
    title: str
    caption: str
    draw: Callable[[Palette], Figure]
    task: int | None = None

    @property
    def spoken(self) -> str:
        """The whole title, on one line."""
        return f"{self.lead} {self.title}".strip()


def file_stem(text: str) -> str:
    """`text` as a part of a file name that is one everywhere."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "unnamed"
