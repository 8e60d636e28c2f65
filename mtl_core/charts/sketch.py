"""A grey outline of a figure to come: where an empty page says what will stand there."""

from math import exp
from typing import Any

from mtl_core.charts.theme import FONT_FAMILY, Palette, base_layout


def loss_sketch(title: str, colors: Palette, height: int = 260) -> dict[str, Any]:
    """Axes without numbers and one falling line without a value: nothing in it is measured.

    `title` says what will stand there.
    """
    xs = [i / 60 for i in range(61)]
    line = {"color": colors.context, "width": 2.2, "dash": "dot"}
    axis = {"showticklabels": False, "ticks": "", "linecolor": colors.grid, "nticks": 4}
    layout = base_layout(
        colors,
        height,
        margin={"l": 28, "r": 14, "t": 28, "b": 30},
        hovermode=False,
        xaxis={**axis, "range": [0, 1], "title": _title("step", colors)},
        yaxis={**axis, "range": [0, 1.1], "title": _title("loss", colors)},
        annotations=[_note(title, colors)],
    )
    ys = [0.25 + 0.7 * exp(-3.2 * x) for x in xs]
    trace = {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "line": line}
    return {"data": [{**trace, "hoverinfo": "skip"}], "layout": layout}


def _title(text: str, colors: Palette) -> dict[str, Any]:
    return {"text": text, "font": {"size": 12, "color": colors.muted}}


def _note(text: str, colors: Palette) -> dict[str, Any]:
    return {
        "text": text,
        "x": 0,
        "xanchor": "left",
        "y": 1,
        "yanchor": "bottom",
        "xref": "paper",
        "yref": "paper",
        "showarrow": False,
        "font": {"family": FONT_FAMILY, "size": 13, "color": colors.muted},
    }
