"""Quality of each plan against what it costs: a point a plan, the Pareto front, its seeds."""

from collections.abc import Collection, Sequence
from typing import Any

from mtl_core.analysis.plans import PlanComparison
from mtl_core.charts.labels import as_text
from mtl_core.charts.loss import Figure
from mtl_core.charts.pareto_axis import SCALES, Cost
from mtl_core.charts.pareto_names import Ground, baseline_names, plan_names
from mtl_core.charts.pareto_points import Baseline, Point, points_of, y_range_of
from mtl_core.charts.theme import Palette, TaskStyle, base_layout

HEIGHT = 270
_MARGIN = {"l": 44, "r": 18, "t": 12, "b": 42}


def pareto_figure(
    comparison: PlanComparison,
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
    points = points_of(comparison, task, front, cost)
    x_range, tick_values = scale.axis([each.x for each in points])
    y_range = y_range_of(points, baselines)
    near = [each for each in baselines if y_range[0] <= each.value <= y_range[1]]
    far = [each for each in baselines if each not in near]
    tall = height - _MARGIN["t"] - _MARGIN["b"]
    ground = Ground(points, x_range, y_range, tall)
    told = baseline_names(near, far, ground, colors)
    notes = [*plan_names(ground, colors, near, told), *told]
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


def _front_line(
    points: Sequence[Point], x_range: tuple[float, float], style: TaskStyle
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


def _drawn(point: Point, style: TaskStyle, colors: Palette) -> list[dict[str, Any]]:
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
