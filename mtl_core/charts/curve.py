"""Quality by number of training sentences: one line per plan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log10
from typing import Any

from mtl_core.charts.labels import (
    EndLabel,
    end_label_margin,
    end_labels,
    escape_markup,
    truncate,
)
from mtl_core.charts.loss_comparison import band_area
from mtl_core.charts.theme import Figure, Palette, TaskStyle, axis_title, base_layout

HEIGHT = 270
_MARGIN = {"l": 44, "t": 12, "b": 42}
_NAME_LIMIT = 22


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A plan's headline metric with `examples` training sentences: mean and range over seeds."""

    examples: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """The points of one plan or one baseline."""

    label: str
    points: tuple[CurvePoint, ...]
    in_color: bool = False
    baseline: bool = False


def curve_figure(
    curves: Sequence[Curve], style: TaskStyle, colors: Palette, height: int = HEIGHT
) -> Figure:
    """Builds the figure on a logarithmic x axis with a tick at each number of sentences.

    Bands go from the lowest to the highest seed, baselines are dotted, and the coloured plan is
    drawn last.
    """
    drawn = [
        replace(each, points=tuple(sorted(each.points, key=lambda point: point.examples)))
        for each in sorted(curves, key=lambda each: (each.in_color, not each.baseline))
        if each.points
    ]
    counts = sorted({point.examples for each in drawn for point in each.points})
    ends = [
        EndLabel(
            f"{truncate(each.label, _NAME_LIMIT)} {each.points[-1].mean:.2f}",
            each.points[-1].mean,
            style.text if each.in_color else colors.muted,
            each.in_color,
        )
        for each in drawn
    ]
    values = [v for each in drawn for point in each.points for v in (point.low, point.high)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    padding = max(high - low, 0.04) * 0.1
    y_range = (low - padding, high + padding)
    layout = base_layout(
        colors,
        height,
        margin={**_MARGIN, "r": end_label_margin(ends)},
        hovermode="closest",
        annotations=end_labels(ends, y_range, height - _MARGIN["t"] - _MARGIN["b"]),
        xaxis={
            "range": _x_range(counts),
            "tickvals": [log10(count) for count in counts],
            "ticktext": [f"{count:,}" for count in counts],
            "title": axis_title("training sentences, log scale", colors),
        },
        yaxis={"range": list(y_range), "tickformat": ".2f"},
    )
    areas = [trace for each in drawn for trace in _area(each, style, colors)]
    return {"data": [*areas, *(_line(each, style, colors) for each in drawn)], "layout": layout}


def _x_range(counts: Sequence[int]) -> list[float]:
    if not counts:
        return [0.0, 1.0]
    low, high = log10(counts[0]), log10(counts[-1])
    return [low - 0.05, high + 0.05] if high > low else [low - 0.5, high + 0.5]


def _area(curve: Curve, style: TaskStyle, colors: Palette) -> list[dict[str, Any]]:
    return band_area(
        curve.label,
        [log10(point.examples) for point in curve.points],
        [point.low for point in curve.points],
        [point.high for point in curve.points],
        style if curve.in_color else None,
        colors,
    )


def _line(curve: Curve, style: TaskStyle, colors: Palette) -> dict[str, Any]:
    color = style.color if curve.in_color else colors.context
    name = escape_markup(curve.label)
    grey_dash = "dot" if curve.baseline else "solid"
    return {
        "type": "scatter",
        "mode": "lines" if curve.baseline else "lines+markers",
        "name": name,
        "x": [log10(point.examples) for point in curve.points],
        "y": [point.mean for point in curve.points],
        "text": [f"{point.examples:,}" for point in curve.points],
        "line": {
            "color": color,
            "width": 2.2 if curve.in_color else 1.3,
            "dash": style.dash if curve.in_color else grey_dash,
        },
        "marker": {
            "symbol": style.symbol,
            "size": 8 if curve.in_color else 6,
            "color": color,
            "line": {"width": 0, "color": color},
        },
        "cliponaxis": False,
        "hovertemplate": f"<b>{name}</b> %{{y:.3f}} with %{{text}} sentences<extra></extra>",
    }
