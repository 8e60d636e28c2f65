"""A task's score before and after training under each plan: one row per plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mtl_core.charts.labels import annotation, escape_markup
from mtl_core.charts.theme import Figure, Palette, TaskStyle, axis_title, base_layout

_ROW_PIXELS = 62
_MARGIN = {"l": 8, "r": 12, "t": 26, "b": 40}
_NAME_LIMIT = 28


@dataclass(frozen=True, slots=True)
class Drift:
    """A task's score under one plan.

    `before` is the score before training; `after`, `low` and `high` are mean, lowest and highest
    seed after it. `verdict` is the change in words.
    """

    label: str
    before: float
    after: float
    low: float
    high: float
    verdict: str


def drift_figure(drifts: Sequence[Drift], metric: str, style: TaskStyle, colors: Palette) -> Figure:
    """Builds the figure: a line per plan from the score before to the score after training.

    A dotted vertical line marks the score before training.
    """
    height = _MARGIN["t"] + _MARGIN["b"] + _ROW_PIXELS * max(len(drifts), 1)
    ends = [x for each in drifts for x in (each.before, each.low, each.high)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    padding = max(high - low, 0.04) * 0.08
    x_range = [low - padding, high + padding]
    before = sorted({each.before for each in drifts})
    rows = [(len(drifts) - 1 - number, each) for number, each in enumerate(drifts)]
    layout = base_layout(
        colors,
        height,
        margin=_MARGIN,
        hovermode="closest",
        annotations=[*_row_texts(rows, x_range, colors), *_before_texts(before, x_range, colors)],
        xaxis={"range": x_range, "nticks": 5, "title": axis_title(metric, colors)},
        yaxis={"range": [-0.5, max(len(drifts), 1) - 0.5], "visible": False},
    )
    lines = [_before_line(value, len(drifts), colors) for value in before]
    return {
        "data": [*lines, *(t for y, each in rows for t in _traces(y, each, style))],
        "layout": layout,
    }


def _traces(y: int, each: Drift, style: TaskStyle) -> list[dict[str, Any]]:
    height = y - 0.22
    line = {"type": "scatter", "mode": "lines", "y": [height, height], "hoverinfo": "skip"}
    name = escape_markup(each.label)
    return [
        {
            **line,
            "name": f"{name}, change",
            "x": [each.before, each.after],
            "line": {"color": style.color, "width": 3},
            "opacity": 0.45,
        },
        {
            **line,
            "name": f"{name}, seeds",
            "x": [each.low, each.high],
            "line": {"color": style.color, "width": 1.6},
        },
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [each.after],
            "y": [height],
            "line": {"color": style.color, "width": 0},
            "marker": {
                "symbol": style.symbol,
                "size": 11,
                "color": style.color,
                "line": {"width": 0, "color": style.color},
            },
            "hovertemplate": (
                f"<b>{name}</b> %{{x:.3f}}, was {each.before:.3f}<br>"
                f"seeds {each.low:.3f} to {each.high:.3f}<extra></extra>"
            ),
            "cliponaxis": False,
        },
    ]


def _before_line(value: float, rows: int, colors: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "before",
        "x": [value, value],
        "y": [-0.5, rows - 0.5],
        "line": {"color": colors.muted, "width": 1.2, "dash": "dot"},
        "hoverinfo": "skip",
    }


def _before_texts(
    values: Sequence[float], x_range: Sequence[float], colors: Palette
) -> list[dict[str, Any]]:
    middle = sum(x_range) / 2
    return [
        annotation(
            f"{value:.3f} before",
            12,
            colors.muted,
            x=value,
            xanchor="right" if value > middle else "left",
            y=1,
            yref="paper",
            yanchor="bottom",
        )
        for value in values[:1]
    ]


def _row_texts(
    rows: Sequence[tuple[int, Drift]], x_range: Sequence[float], colors: Palette
) -> list[dict[str, Any]]:
    """Above each line the plan's name at the left, and the score with its verdict at the right.

    The score is left of the "before" line where that line is in the right half.
    """
    found = []
    for y, each in rows:
        up = y + 0.16
        beside = each.before > sum(x_range) / 2
        right = {"x": each.before, "xshift": -8} if beside else {"x": 1, "xref": "paper"}
        name = escape_markup(each.label, _NAME_LIMIT)
        value = f"<b>{each.after:.3f}</b> {escape_markup(each.verdict)}"
        over_line = {"bgcolor": colors.background, "borderpad": 1}  # the "before" line is behind it
        left = {"x": 0, "xref": "paper", "xanchor": "left"}
        found.append(annotation(name, 12, colors.ink, y=up, **left, **over_line))
        found.append(annotation(value, 12, colors.muted, xanchor="right", y=up, **right))
    return found
