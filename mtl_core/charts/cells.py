"""A grid of coloured cells with row and column names: the base of maps and confusion matrices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_core.charts.labels import LETTER_PIXELS, annotation, escape_markup
from mtl_core.charts.theme import Figure, Palette, base_layout

_ROW_PIXELS = 26
_GAP = 0.035  # of a cell, on each side
_ROW_NAME_LIMIT, _COLUMN_NAME_LIMIT = 18, 26
_LEVEL_LETTERS = 34  # column names are horizontal up to this total length, else rotated
_ANGLE = -38
_RISE, _RUN = 0.66, 0.79  # height and width of a rotated letter, as a share of its width
_NARROW_CELL = 40  # pixels, on a phone


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `fill` and `ink` are opaque colours, `hover` is the text of the tooltip."""

    text: str
    fill: str
    ink: str
    hover: str


def cell_figure(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], Cell],
    colors: Palette,
    *,
    x_title: str = "",
    y_title: str = "",
) -> Figure:
    """Builds a grid with the first row at the top and the column names above it.

    `cells` are by (row, column); a missing cell stays empty. Cells are drawn as rectangles, which
    every renderer draws in the same way; invisible markers carry the tooltips.
    """
    level = sum(len(name) + 2 for name in columns) <= _LEVEL_LETTERS
    longest = max((len(escape_markup(name, _COLUMN_NAME_LIMIT)) for name in columns), default=0)
    top = 24 if level else round(14 + longest * LETTER_PIXELS * _RISE)
    widest_row = max((min(len(row), _ROW_NAME_LIMIT) for row in rows), default=0)
    left = round(18 + LETTER_PIXELS * widest_row)
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
            "r": 6 if level else _rotated_overhang(columns),
            "t": top,
            "b": 34 if x_title else 6,
        },
        hovermode="closest",
        shapes=[_rectangle(x, y, cell) for x, y, cell in places],
        annotations=[
            *(
                annotation(escape_markup(cell.text), 12, cell.ink, x=x, y=y)
                for x, y, cell in places
                if cell.text
            ),
            *_column_names(columns, len(rows), level, colors),
            *_row_names(rows, colors),
            *_titles(x_title, y_title, left, colors),
        ],
        xaxis={"range": [-0.5, len(columns) - 0.5], "visible": False},
        yaxis={"range": [-0.5, len(rows) - 0.5], "visible": False},
    )
    return {"data": [_tooltips(places)], "layout": layout}


def _rotated_overhang(columns: Sequence[str]) -> int:
    """The pixels that rotated names need to the right of the last column."""
    needs = [
        len(escape_markup(name, _COLUMN_NAME_LIMIT)) * LETTER_PIXELS * _RUN
        - (columns_right + 0.5) * _NARROW_CELL
        for columns_right, name in enumerate(reversed(columns))
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
        place |= {"textangle": _ANGLE, "xanchor": "left", "xshift": -9}
    return [
        annotation(escape_markup(name, _COLUMN_NAME_LIMIT), 12, colors.ink, x=x, **place)
        for x, name in enumerate(columns)
    ]


def _row_names(rows: Sequence[str], colors: Palette) -> list[dict[str, Any]]:
    return [
        annotation(
            escape_markup(name, _ROW_NAME_LIMIT),
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
        found.append(annotation(escape_markup(x_title), 12, colors.muted, yshift=-8, **place))
    if y_title:
        place = {"x": 0, "xref": "paper", "y": 0.5, "yref": "paper", "textangle": -90}
        place |= {"xanchor": "center", "yanchor": "middle"}
        text = escape_markup(y_title)
        found.append(annotation(text, 12, colors.muted, xshift=-left - 4, **place))
    return found


def _tooltips(places: Sequence[tuple[int, int, Cell]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _, _ in places],
        "y": [y for _, y, _ in places],
        "text": [escape_markup(cell.hover, 200) for _, _, cell in places],
        "marker": {"size": 22, "opacity": 0, "symbol": "square"},
        "line": {"width": 0},
        "hovertemplate": "%{text}<extra></extra>",
        "name": "cells",
    }
