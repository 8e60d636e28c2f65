"""A figure of cells in rows and columns, with a sign or a number in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_core.charts.labels import LETTER_PIXELS, as_text, note
from mtl_core.charts.loss import Figure
from mtl_core.charts.theme import Palette, base_layout

_ROW_PIXELS = 26
_GAP = 0.035  # of a cell, on each side
_LONGEST_ROW, _LONGEST_COLUMN = 18, 26
_LEVEL_LETTERS = 34  # so many in one line over all columns stand level, more are turned
_TURN = -38
_RISE, _RUN = 0.66, 0.79  # of a turned letter's width: the height and the width it takes
_NARROW_CELL = 40  # pixels, on a phone


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `fill` and `ink` are opaque colours; `said` is what a pointer on it reads."""

    text: str
    fill: str
    ink: str
    said: str


def cell_figure(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], Cell],
    colors: Palette,
    *,
    x_title: str = "",
    y_title: str = "",
) -> Figure:
    """A Plotly figure as plain values: the first row on top, column names over them.

    `cells` are by (row, column); where there is none the ground stays empty. Drawn as rectangles,
    so that the figure is the same wherever it is drawn, with unseen markers for the pointer.
    """
    level = sum(len(name) + 2 for name in columns) <= _LEVEL_LETTERS
    longest = max((len(as_text(name, _LONGEST_COLUMN)) for name in columns), default=0)
    top = 24 if level else round(14 + longest * LETTER_PIXELS * _RISE)
    left = round(18 + LETTER_PIXELS * max((min(len(r), _LONGEST_ROW) for r in rows), default=0))
    height = top + _ROW_PIXELS * max(len(rows), 1) + (34 if x_title else 6)
    places = [
        (x, len(rows) - 1 - y, cell)
        for y, row in enumerate(rows)
        for x, column in enumerate(columns)
        if (cell := cells.get((row, column))) is not None
    ]
    layout = base_layout(
        colors,
        height,
        margin={
            "l": left + (18 if y_title else 0),
            "r": 6 if level else _beyond(columns),
            "t": top,
            "b": 34 if x_title else 6,
        },
        hovermode="closest",
        shapes=[_rectangle(x, y, cell) for x, y, cell in places],
        annotations=[
            *(note(as_text(c.text), 12, c.ink, x=x, y=y) for x, y, c in places if c.text),
            *_column_names(columns, len(rows), level, colors),
            *_row_names(rows, colors),
            *_titles(x_title, y_title, left, colors),
        ],
        xaxis={"range": [-0.5, len(columns) - 0.5], "visible": False},
        yaxis={"range": [-0.5, len(rows) - 0.5], "visible": False},
    )
    return {"data": [_pointer(places)], "layout": layout}


def _beyond(columns: Sequence[str]) -> int:
    """Pixels that the turned names need at the right of the last column."""
    needs = [
        len(as_text(name, _LONGEST_COLUMN)) * LETTER_PIXELS * _RUN - (left + 0.5) * _NARROW_CELL
        for left, name in enumerate(reversed(columns))
    ]
    return max(44, round(max(needs)))


def _rectangle(x: int, y: int, cell: Cell) -> dict[str, Any]:
    half = 0.5 - _GAP
    return {
        "type": "rect",
        "x0": x - half,
        "x1": x + half,
        "y0": y - half,
        "y1": y + half,
        "fillcolor": cell.fill,
        "line": {"width": 0},
        "layer": "below",
    }


def _column_names(
    columns: Sequence[str], rows: int, level: bool, colors: Palette
) -> list[dict[str, Any]]:
    place: dict[str, Any] = {"y": rows - 0.5, "yanchor": "bottom"}
    if not level:
        place |= {"textangle": _TURN, "xanchor": "left", "xshift": -9}
    return [
        note(as_text(name, _LONGEST_COLUMN), 12, colors.ink, x=x, **place)
        for x, name in enumerate(columns)
    ]


def _row_names(rows: Sequence[str], colors: Palette) -> list[dict[str, Any]]:
    return [
        note(
            as_text(name, _LONGEST_ROW),
            12,
            colors.muted,
            x=0,
            xref="paper",
            xanchor="right",
            xshift=-6,
            y=len(rows) - 1 - y,
        )
        for y, name in enumerate(rows)
    ]


def _titles(x_title: str, y_title: str, left: int, colors: Palette) -> list[dict[str, Any]]:
    found = []
    if x_title:
        place = {"x": 0.5, "xref": "paper", "y": 0, "yref": "paper", "yanchor": "top"}
        found.append(note(as_text(x_title), 12, colors.muted, yshift=-8, **place))
    if y_title:
        place = {"x": 0, "xref": "paper", "y": 0.5, "yref": "paper", "textangle": -90}
        place |= {"xanchor": "center", "yanchor": "middle"}
        found.append(note(as_text(y_title), 12, colors.muted, xshift=-left - 4, **place))
    return found


def _pointer(places: Sequence[tuple[int, int, Cell]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _, _ in places],
        "y": [y for _, y, _ in places],
        "text": [as_text(cell.said, 200) for _, _, cell in places],
        "marker": {"size": 22, "opacity": 0, "symbol": "square"},
        "line": {"width": 0},
        "hovertemplate": "%{text}<extra></extra>",
        "name": "cells",
    }


def blended(color: str, ground: str, share: float) -> str:
    """The opaque colour that `share` of `color` over `ground` gives; both as `#rrggbb`."""
    pairs = zip(_parts(color), _parts(ground), strict=True)
    return "#" + "".join(f"{round(share * one + (1 - share) * other):02X}" for one, other in pairs)


def ink_on(fill: str) -> str:
    """Near-black or near-white, whichever has the higher contrast on an opaque colour (WCAG 2.2,
    relative luminance)."""
    red, green, blue = (_linear(part / 255) for part in _parts(fill))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#160800" if (luminance + 0.05) ** 2 > 0.0525 else "#F4F6F8"


def _linear(channel: float) -> float:
    low = channel <= 0.04045
    return channel / 12.92 if low else float(((channel + 0.055) / 1.055) ** 2.4)


def _parts(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
