"""Quality of each plan against what it costs: a point a plan, the Pareto front, its seeds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_core.analysis.grouped import GroupedComparison, TaskResult
from mtl_core.charts.labels import as_text, note
from mtl_core.charts.loss import Figure
from mtl_core.charts.pareto_axis import SCALES, Cost, cost_of
from mtl_core.charts.placing import Box, Wanted, placed
from mtl_core.charts.theme import Palette, TaskStyle, base_layout

HEIGHT = 270
_MARGIN = {"l": 44, "r": 18, "t": 12, "b": 42}
_USUAL_WIDTH = 430  # pixels of the plot, between a phone's and a wide screen's
_FAR_BELOW = 1.2  # a baseline further below than so many heights of the plot is only told
_NOTHING = 10.0  # a share of 0 stands as many times below the smallest one
_LONGEST = 26
_BASELINE_PIXELS = 14  # nearer ones share a name


@dataclass(frozen=True, slots=True)
class Baseline:
    """A score that needs no fine-tuning: the majority class, a bag of words, untrained heads."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class _Point:
    label: str
    x: float
    result: TaskResult
    mean: float
    low: float
    high: float
    on_front: bool
    said: str


def pareto_figure(
    comparison: GroupedComparison,
    task: str,
    front: Collection[str],
    style: TaskStyle,
    colors: Palette,
    *,
    cost: Cost = Cost.SECONDS,
    baselines: Sequence[Baseline] = (),
    height: int = HEIGHT,
) -> Figure:
    """A Plotly figure as plain values. `front` holds the labels of the plans on the Pareto front.

    Points on it are filled and joined by steps, the others hollow; a bar goes from the lowest to
    the highest seed. Plans that are not finished, or whose cost is not known, are left out.
    """
    scale = SCALES[cost]
    points = _points(comparison, task, front, cost)
    x_range, tick_values = scale.axis([each.x for each in points])
    y_range = _y_range(points, baselines)
    near = [each for each in baselines if y_range[0] <= each.value <= y_range[1]]
    notes = _labels(points, x_range, y_range, colors, height)
    notes += _baseline_notes(
        near,
        [each for each in baselines if each not in near],
        y_range,
        height - _MARGIN["t"] - _MARGIN["b"],
        colors,
    )
    layout = base_layout(
        colors,
        height,
        margin=_MARGIN,
        hovermode="closest",
        annotations=notes,
        xaxis={
            "range": list(x_range),
            "title": {"text": scale.title, "font": {"size": 12, "color": colors.muted}},
            "tickvals": [scale.place(value) for value in tick_values],
            "ticktext": [scale.said(value) for value in tick_values],
        },
        yaxis={"range": list(y_range), "tickformat": ".2f"},
    )
    traces = [_baseline(each, x_range, colors) for each in near]
    traces += _front_line(points, x_range, style)
    traces += [trace for point in points for trace in _drawn(point, style, colors)]
    return {"data": traces, "layout": layout}


def _points(
    comparison: GroupedComparison, task: str, front: Collection[str], cost: Cost
) -> list[_Point]:
    known = [
        (plan, result, value)
        for plan in comparison.plans
        if (result := plan.tasks.get(task)) is not None
        and result.mean is not None
        and (value := cost_of(plan, cost)) is not None
    ]
    scale = SCALES[cost]
    least = min((value for _, _, value in known if value > 0), default=1.0)
    return [
        _Point(
            plan.label,
            scale.place(value or least / _NOTHING),
            result,
            result.mean or 0.0,
            (result.mean if result.low is None else result.low) or 0.0,
            (result.mean if result.high is None else result.high) or 0.0,
            plan.label in front,
            scale.said(value),
        )
        for plan, result, value in sorted(known, key=lambda each: each[2])
    ]


def _y_range(points: Sequence[_Point], baselines: Sequence[Baseline]) -> tuple[float, float]:
    """Over every bar, and down to a baseline that is not far below."""
    low = min((each.low for each in points), default=0.0)
    high = max((each.high for each in points), default=1.0)
    span = max(high - low, 0.04)
    reached = [each.value for each in baselines if each.value > low - _FAR_BELOW * span]
    low, high = min([low, *reached]), max([high, *reached])
    room = max(high - low, 0.04) * 0.16
    return low - room, high + room


def _front_line(
    points: Sequence[_Point], x_range: tuple[float, float], style: TaskStyle
) -> list[dict[str, Any]]:
    """Along the best score so far: across to the next plan on the front, then up."""
    front = [each for each in points if each.on_front]
    if not front:
        return []
    xs, ys = [front[0].x], [front[0].mean]
    for each in front[1:]:
        xs += [each.x, each.x]
        ys += [ys[-1], each.mean]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "front",
            "x": [*xs, x_range[1]],
            "y": [*ys, ys[-1]],
            "line": {"color": style.color, "width": 1.4, "dash": style.dash},
            "opacity": 0.6,
            "hoverinfo": "skip",
        }
    ]


def _drawn(point: _Point, style: TaskStyle, colors: Palette) -> list[dict[str, Any]]:
    """The bar over the seeds, and the point on it."""
    name = as_text(point.label)
    bar = {
        "type": "scatter",
        "mode": "lines",
        "name": f"{name}, seeds",
        "x": [point.x, point.x],
        "y": [point.low, point.high],
        "line": {"color": style.color, "width": 1.6 if point.on_front else 1.1},
        "hoverinfo": "skip",
    }
    seeds = point.result.seeds
    over = (
        f"mean of {seeds} seeds, {point.low:.3f} to {point.high:.3f}" if seeds > 1 else "one seed"
    )
    dot = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [point.x],
        "y": [point.mean],
        "line": {"color": style.color, "width": 0},
        "marker": {
            "symbol": style.symbol if point.on_front else f"{style.symbol}-open",
            "size": 11,
            "color": style.color,
            "opacity": 1,
            "line": {"width": 2, "color": style.color},
        },
        "hovertemplate": f"<b>{name}</b> %{{y:.3f}} at {point.said}<br>{over}<extra></extra>",
        "cliponaxis": False,
    }
    ground = {
        **dot,
        "name": f"{name}, ground",
        "marker": {
            "symbol": style.symbol,
            "size": 11,
            "color": colors.background,
            "line": {"width": 0, "color": colors.background},
        },
        "hoverinfo": "skip",
    }
    ground.pop("hovertemplate")
    return [bar, dot] if point.on_front else [bar, ground, dot]


def _labels(
    points: Sequence[_Point],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    colors: Palette,
    height: int,
) -> list[dict[str, Any]]:
    """Each plan's name beside its point, where it covers no other name, bar or point."""
    tall = height - _MARGIN["t"] - _MARGIN["b"]
    across = _USUAL_WIDTH / (x_range[1] - x_range[0])
    up = tall / (y_range[1] - y_range[0])
    at = [((p.x - x_range[0]) * across, (p.mean - y_range[0]) * up) for p in points]
    bars = [
        Box(x - 7, (p.low - y_range[0]) * up - 9, x + 7, (p.high - y_range[0]) * up + 9)
        for p, (x, _) in zip(points, at, strict=True)
    ]
    wanted = [
        Wanted(len(as_text(p.label, _LONGEST)), x, y, bar.bottom, bar.top, p.on_front)
        for p, (x, y), bar in zip(points, at, bars, strict=True)
    ]
    frame = Box(0, 0, _USUAL_WIDTH, tall)
    steps = _steps([(x, y) for p, (x, y) in zip(points, at, strict=True) if p.on_front])
    return [
        note(
            f"<b>{as_text(p.label, _LONGEST)}</b>" if p.on_front else as_text(p.label, _LONGEST),
            12,
            colors.ink if p.on_front else colors.muted,
            x=p.x,
            y=p.mean,
            **where,
        )
        for p, where in zip(points, placed(wanted, [*bars, *steps], frame), strict=True)
    ]


def _steps(front: Sequence[tuple[float, float]]) -> list[Box]:
    """The level parts of the front, in pixels, as boxes that a name had better not cover."""
    ends = [*(x for x, _ in front[1:]), float(_USUAL_WIDTH)]
    return [Box(x, y - 2, end, y + 2) for (x, y), end in zip(front, ends, strict=False)]


def _baseline(each: Baseline, x_range: tuple[float, float], colors: Palette) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": as_text(each.label),
        "x": list(x_range),
        "y": [each.value, each.value],
        "line": {"color": colors.context, "width": 1.2, "dash": "dot"},
        "hoverinfo": "skip",
    }


def _baseline_notes(
    near: Sequence[Baseline],
    far: Sequence[Baseline],
    y_range: tuple[float, float],
    plot_pixels: float,
    colors: Palette,
) -> list[dict[str, Any]]:
    """Names on the lines at the right, one for lines that nearly touch, and what lies below the
    figure in its lower corner."""
    least = _BASELINE_PIXELS * (y_range[1] - y_range[0]) / plot_pixels
    groups: list[list[Baseline]] = []
    for each in sorted(near, key=lambda each: each.value):
        if groups and each.value - groups[-1][-1].value < least:
            groups[-1].append(each)
        else:
            groups.append([each])
    notes = [
        note(
            ", ".join(f"{as_text(each.label)} {each.value:.2f}" for each in reversed(group)),
            11,
            colors.muted,
            x=1,
            xref="paper",
            xanchor="right",
            y=group[-1].value,
            yref="y",
            yanchor="bottom",
        )
        for group in groups
    ]
    if far:
        told = ", ".join(f"{as_text(each.label)} {each.value:.2f}" for each in far)
        place = {"x": 1, "xref": "paper", "xanchor": "right", "y": 0, "yref": "paper"}
        notes.append(note(f"below: {told}", 11, colors.muted, yanchor="bottom", **place))
    return notes
