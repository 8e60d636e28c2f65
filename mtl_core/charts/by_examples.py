"""Quality against the number of training sentences: one line a plan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log10
from typing import Any

from mtl_core.charts.cells import blended
from mtl_core.charts.labels import LETTER_PIXELS, EndLabel, as_text, cut, end_labels
from mtl_core.charts.loss import Figure
from mtl_core.charts.theme import Palette, TaskStyle, base_layout

HEIGHT = 270
_MARGIN = {"l": 44, "t": 12, "b": 42}
_LONGEST = 18


@dataclass(frozen=True, slots=True)
class WithExamples:
    """A plan's headline metric with so many training sentences: the mean over its seeds."""

    examples: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ExampleCurve:
    """One plan, or one baseline, with each number of training sentences it was run with."""

    label: str
    points: tuple[WithExamples, ...]
    in_color: bool = False
    baseline: bool = False


def by_examples_figure(
    curves: Sequence[ExampleCurve], style: TaskStyle, colors: Palette, height: int = HEIGHT
) -> Figure:
    """A Plotly figure as plain values: a logarithmic axis with a tick at each number run, bands
    from the lowest to the highest seed, baselines dotted, the plan in colour drawn last."""
    drawn = [
        replace(each, points=_sorted(each))
        for each in sorted(curves, key=lambda each: (each.in_color, not each.baseline))
        if each.points
    ]
    counts = sorted({point.examples for each in drawn for point in each.points})
    ends = [
        EndLabel(
            f"{cut(each.label, _LONGEST)} {each.points[-1].mean:.2f}",
            each.points[-1].mean,
            style.text if each.in_color else colors.muted,
            each.in_color,
        )
        for each in drawn
    ]
    values = [v for each in drawn for point in each.points for v in (point.low, point.high)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = max(high - low, 0.04) * 0.1
    widest = max((len(each.text) for each in ends), default=0)
    plot = height - _MARGIN["t"] - _MARGIN["b"]
    layout = base_layout(
        colors,
        height,
        margin={**_MARGIN, "r": round(16 + LETTER_PIXELS * widest)},
        hovermode="closest",
        annotations=end_labels(ends, (low - room, high + room), plot),
        xaxis={
            "range": _x_range(counts),
            "tickvals": [log10(count) for count in counts],
            "ticktext": [f"{count:,}" for count in counts],
            "title": {
                "text": "training sentences, log scale",
                "font": {"size": 12, "color": colors.muted},
            },
        },
        yaxis={"range": [low - room, high + room], "tickformat": ".2f"},
    )
    areas = [trace for each in drawn for trace in _area(each, style, colors)]
    return {"data": [*areas, *(_line(each, style, colors) for each in drawn)], "layout": layout}


def _sorted(curve: ExampleCurve) -> tuple[WithExamples, ...]:
    return tuple(sorted(curve.points, key=lambda point: point.examples))


def _x_range(counts: Sequence[int]) -> list[float]:
    if not counts:
        return [0.0, 1.0]
    low, high = log10(counts[0]), log10(counts[-1])
    return [low - 0.05, high + 0.05] if high > low else [low - 0.5, high + 0.5]


def _area(curve: ExampleCurve, style: TaskStyle, colors: Palette) -> list[dict[str, Any]]:
    points = curve.points
    if len(points) < 2 or all(point.low == point.high for point in points):
        return []
    xs = [log10(point.examples) for point in points]
    color = style.color if curve.in_color else colors.muted
    fill = blended(color, colors.background, 0.2 if curve.in_color else 0.1)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"{as_text(curve.label)}, lowest to highest",
            "x": [*xs, *reversed(xs)],
            "y": [*(p.high for p in points), *(p.low for p in reversed(points))],
            "fill": "toself",
            "fillcolor": fill,
            "opacity": 0.7,
            "line": {"color": fill, "width": 0},
            "hoverinfo": "skip",
        }
    ]


def _line(curve: ExampleCurve, style: TaskStyle, colors: Palette) -> dict[str, Any]:
    color = style.color if curve.in_color else colors.context
    name = as_text(curve.label)
    plain = "dot" if curve.baseline else "solid"
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
            "dash": style.dash if curve.in_color else plain,
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
