"""Colours and the base layout that every figure shares, in light and in dark.

Colour means one of two things: a state (frozen blue, trainable vermilion, unreached grey) or a
task (purple, jade). Everything else is ink and slate. The hues were chosen to stay apart for the
three common kinds of colour blindness, and a sign or a word always stands beside them.
"""

from dataclasses import dataclass
from typing import Any

from mtl_core.freezing.table import State

FONT_FAMILY = '"Source Sans", sans-serif'
"""Streamlit's own font: it is on the page already, nothing is fetched."""


@dataclass(frozen=True, slots=True)
class StateStyle:
    """How a state is drawn: `fill` and `edge` of a block, `on_fill` for text inside the block,
    `text` for text on the page, `dash` of the edge."""

    color: str
    fill: str
    edge: str
    on_fill: str
    on_fill_muted: str
    text: str
    dash: str = "solid"


@dataclass(frozen=True, slots=True)
class TaskStyle:
    """How a task is drawn everywhere: line colour, text colour, dash and marker.

    `letter` (A, B, …) names the task beside its title.
    """

    letter: str
    color: str
    text: str
    dash: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme. `context` is the pale grey of lines that only give context."""

    name: str
    background: str
    panel: str
    ink: str
    muted: str
    grid: str
    axis: str
    context: str
    states: dict[State, StateStyle]
    tasks: tuple[tuple[str, str], ...]  # (line, text) of each task with a hue of its own

    def task(self, number: int) -> TaskStyle:
        """The style of task `number`, counted from 0.

        The first two have hues; any further one is drawn in slate and told apart by dash, marker
        and label, since no third hue stays clear of the states' colours.
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
    """The palette of `theme`, "light" or "dark"; light where it is not known."""
    return DARK if theme == "dark" else LIGHT


def base_layout(colors: Palette, height: int, **changes: Any) -> dict[str, Any]:
    """Layout for a Plotly figure: transparent paper, horizontal grid lines only, no legend.

    The title stays out of the figure: Plotly does not wrap titles, the page's heading does. Axes
    are fixed, else a phone could not scroll past a figure. `changes` are merged over it, key by
    key (`xaxis={"title": "step"}` keeps the rest of the axis).
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
