"""Figures with their words: `Panel` before, `Drawing` after it is drawn in light and in dark."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mtl_core.charts.theme import DARK, LIGHT, Figure, Palette


@dataclass(frozen=True, slots=True)
class Panel:
    """A figure that page and note draw in their palettes.

    `name` is the stem of its files. `title` states the finding; `lead` is the part of the title in
    the colour of task number `task`. `caption` explains how to read the figure.
    """

    name: str
    lead: str
    title: str
    caption: str
    draw: Callable[[Palette], Figure]
    task: int | None = None

    @property
    def full_title(self) -> str:
        """The whole title on one line."""
        return f"{self.lead} {self.title}".strip()


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure drawn in light and in dark, as plain values for Plotly.

    `width` is that of its SVG file, in pixels; all else is as in `Panel`.
    """

    name: str
    lead: str
    title: str
    caption: str
    light: Figure
    dark: Figure
    task: int | None = None
    width: int = 880


def draw_panel(panel: Panel, width: int = 880) -> Drawing:
    """Draws a panel for the note."""
    light, dark = (panel.draw(colors) for colors in (LIGHT, DARK))
    return Drawing(
        name=panel.name,
        lead=panel.lead,
        title=panel.title,
        caption=panel.caption,
        light=light,
        dark=dark,
        task=panel.task,
        width=width,
    )


def file_stem(text: str) -> str:
    """Reduces `text` to lower-case letters, digits and hyphens for a file name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "unnamed"
