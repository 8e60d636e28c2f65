"""Colours and the base layout of all figures, in light and in dark.

A colour shows either a state (frozen: blue, trainable: vermilion, unreached: grey) or a task
(purple, jade). Everything else is ink or slate grey. The hues are distinguishable with the three
common kinds of colour blindness, and every colour is accompanied by a sign or a word.
"""

from dataclasses import dataclass
from typing import Any

from mtl_core.freezing.table import State

Figure = dict[str, Any]
"""A Plotly figure as plain values: `{"data": [...], "layout": {...}}`."""

FONT_FAMILY = '"Source Sans", sans-serif'
"""The font of Streamlit pages, so that no other font is downloaded."""


@dataclass(frozen=True, slots=True)
class StateStyle:
    """Style of a state.

    `fill`, `edge` and `dash` style a block, `on_fill` text inside it, `text` text on the page.
    """

    color: str
    fill: str
    edge: str
    on_fill: str
    on_fill_muted: str
    text: str
    dash: str = "solid"


@dataclass(frozen=True, slots=True)
class TaskStyle:
    """Style of a task: line colour, text colour, dash and marker symbol.

    `letter` (A, B, …) precedes the task's title.
    """

    letter: str
    color: str
    text: str
    dash: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme. `context` is the pale grey of lines that are not highlighted."""

    name: str
    background: str
    panel: str
    ink: str
    muted: str
    grid: str
    axis: str
    context: str
    states: dict[State, StateStyle]
    tasks: tuple[tuple[str, str], ...]  # (line, text) per task

    def task(self, number: int) -> TaskStyle:
        """The style of task `number`, counted from 0.

        The first two tasks have hues. Further tasks are grey and differ by dash, marker and label,
        because every third hue is too close to the colour of a state.
        """
        color, text = self.tasks[number] if number < len(self.tasks) else (self.muted, self.muted)
        return TaskStyle(
            letter=chr(ord("A") + number % 26),
            color=color,
            text=text,
            dash=_DASHES[number % len(_DASHES)],
            symbol=_SYMBOLS[number % len(_SYMBOLS)],
        )


_DASHES = ("solid", "7px,3px", "2px,3px", "10px,3px,2px,3px", "1px,2px", "14px,4px")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "star")

LIGHT = Palette(
    name="light",
    background="#FFFFFF",
    panel="#F5F6F8",
    ink="#1C232B",
    muted="#5B636D",
    grid="#E9ECF0",
    axis="#B9C0C9",
    context="rgba(122,122,122,0.5)",
    states={
        State.FROZEN: StateStyle(
            "#0072B2", "rgba(0,114,178,0.15)", "#0072B2", "#1C232B", "#5B636D", "#005C91"
        ),
        State.TRAINABLE: StateStyle(
            "#D55E00", "#D55E00", "#D55E00", "#160800", "#160800", "#AD4700"
        ),
        State.UNREACHED: StateStyle(
            "#7A7A7A", "rgba(122,122,122,0.12)", "#7A7A7A", "#454C55", "#5B636D", "#5B636D", "dot"
        ),
    },
    tasks=(("#5D1A78", "#5D1A78"), ("#11A579", "#0A7455")),
)

DARK = Palette(
    name="dark",
    background="#0F1216",
    panel="#191E25",
    ink="#E6EAEF",
    muted="#A3ACB8",
    grid="#242B33",
    axis="#4A535E",
    context="rgba(122,122,122,0.6)",
    states={
        State.FROZEN: StateStyle(
            "#0072B2", "rgba(0,114,178,0.34)", "#0072B2", "#E6EAEF", "#A9BBC9", "#6FC0EE"
        ),
        State.TRAINABLE: StateStyle(
            "#D55E00", "#D55E00", "#D55E00", "#160800", "#160800", "#FF9A57"
        ),
        State.UNREACHED: StateStyle(
            "#7A7A7A", "rgba(122,122,122,0.20)", "#7A7A7A", "#C3CAD3", "#A3ACB8", "#A3ACB8", "dot"
        ),
    },
    tasks=(("#C58AF0", "#D3A6F5"), ("#59E3B5", "#59E3B5")),
)


def palette(theme: str | None) -> Palette:
    """Returns the palette of `theme`, "light" or "dark"; light for anything else."""
    return DARK if theme == "dark" else LIGHT


def base_layout(colors: Palette, height: int, **changes: Any) -> dict[str, Any]:
    """Builds a Plotly layout: transparent paper, horizontal grid lines only, no legend.

    It has no title, because Plotly does not wrap titles; pages use a heading. Axes are fixed,
    because zooming would prevent scrolling on a phone. `changes` are merged into it key by key:
    `xaxis={"title": …}` keeps the other keys of the axis.
    """
    axis = {
        "fixedrange": True,
        "zeroline": False,
        "tickfont": {"size": 12, "color": colors.muted},
        "title": {"font": {"size": 12, "color": colors.muted}},
    }
    layout: dict[str, Any] = {
        "height": height,
        "margin": {"l": 40, "r": 14, "t": 8, "b": 40},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT_FAMILY, "size": 13, "color": colors.ink},
        "showlegend": False,
        "dragmode": False,
        "hoverlabel": {
            "align": "left",
            "bgcolor": colors.panel,
            "bordercolor": colors.axis,
            "font": {"family": FONT_FAMILY, "size": 13, "color": colors.ink},
        },
        "xaxis": {
            **axis,
            "showgrid": False,
            "showline": True,
            "linecolor": colors.axis,
            "ticks": "outside",
            "ticklen": 4,
            "tickcolor": colors.axis,
        },
        "yaxis": {**axis, "showgrid": True, "gridcolor": colors.grid, "nticks": 5},
    }
    for key, value in changes.items():
        known = layout.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            layout[key] = {**known, **value}
        else:
            layout[key] = value
    return layout


def axis_title(text: str, colors: Palette) -> dict[str, Any]:
    """Builds the `title` of an axis."""
    return {"text": text, "font": {"size": 12, "color": colors.muted}}


def blend(color: str, background: str, share: float) -> str:
    """Mixes `share` of `color` with `background`; all colours are `#RRGGBB`."""
    pairs = zip(_channels(color), _channels(background), strict=True)
    return "#" + "".join(f"{round(share * one + (1 - share) * other):02X}" for one, other in pairs)


def text_color_on(fill: str) -> str:
    """Near-black or near-white, whichever has the higher contrast on the opaque colour `fill`.

    By the relative luminance of WCAG 2.2.
    """
    red, green, blue = (_linear(channel / 255) for channel in _channels(fill))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#160800" if (luminance + 0.05) ** 2 > 0.0525 else "#F4F6F8"


def _linear(channel: float) -> float:
    low = channel <= 0.04045
    return channel / 12.92 if low else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
