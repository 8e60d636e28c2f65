"""Quality of each plan against its cost: points, the Pareto front, and ranges over seeds."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log10
from typing import Any

from mtl_core.analysis.plans import PlanComparison, PlanResult
from mtl_core.charts.labels import escape_markup, round_steps, round_steps_log
from mtl_core.charts.pareto_labels import BaselineLine, Plot, Point, baseline_labels, plan_labels
from mtl_core.charts.theme import Figure, Palette, TaskStyle, axis_title, base_layout

HEIGHT = 270
_MARGIN = {"l": 44, "r": 18, "t": 12, "b": 42}
_AXIS_PADDING = 0.09  # share of the axis beyond the first and the last point
_FAR_BELOW = 1.2  # a baseline more plot heights below the points is outside the plot
_LEAST_HEIGHT = 0.08  # of the y axis, so that its ticks differ at two decimals
_ZERO_FACTOR = 10.0  # on a logarithmic axis, 0 is drawn this many times below the smallest value


class Cost(StrEnum):
    """The cost on the x axis."""

    SECONDS = "seconds"
    MEMORY = "peak memory"
    SHARE = "trained share"


@dataclass(frozen=True, slots=True)
class CostAxis:
    """The axis of a cost: its title, its scale, and the function that formats a value."""

    title: str
    logarithmic: bool
    value_text: Callable[[float], str]

    def position(self, value: float) -> float:
        """The value on the axis; the logarithm of a logarithmic one.

        The logarithm is computed here, so that all renderers get a linear axis.
        """
        return log10(value) if self.logarithmic else value

    def range_and_ticks(
        self, positions: Sequence[float]
    ) -> tuple[tuple[float, float], list[float]]:
        """The range that contains these positions with padding, and the values of the ticks."""
        if not positions:
            return (0.0, 1.0), []
        first, last = min(positions), max(positions)
        least = 0.3 if self.logarithmic else 0.1 * last
        padding = max(last - first, least) * _AXIS_PADDING
        low, high = first - padding, last + padding
        if last - first < least:
            low, high = (first + last - least) / 2 - padding, (first + last + least) / 2 + padding
        if self.logarithmic:
            return (low, high), round_steps_log(10**low, 10**high, 5)
        return (low, high), round_steps(low, high, 5)


def _bytes_text(value: float) -> str:
    return f"{value / 1e9:.3g} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def _share_text(value: float) -> str:
    return "none" if value == 0 else f"{100 * value:.3g} %"


COST_AXES = {
    Cost.SECONDS: CostAxis("seconds of a whole run, log scale", True, lambda v: f"{v:,.3g} s"),
    Cost.MEMORY: CostAxis("peak memory of a run", False, _bytes_text),
    Cost.SHARE: CostAxis("share of trainable parameters, log scale", True, _share_text),
}


def pareto_figure(
    comparison: PlanComparison,
    task: str,
    front: Collection[str],
    style: TaskStyle,
    colors: Palette,
    *,
    cost: Cost = Cost.SECONDS,
    baselines: Sequence[BaselineLine] = (),
    height: int = HEIGHT,
) -> Figure:
    """Builds the figure. `front` holds the labels of the plans on the Pareto front.

    Points on the front are filled and joined by steps, the others are hollow. Bars go from the
    lowest to the highest seed. Plans without a score or a known cost are omitted.
    """
    axis = COST_AXES[cost]
    points = _points(comparison, task, front, cost)
    x_range, tick_values = axis.range_and_ticks([each.x for each in points])
    y_range = _y_range(points, baselines)
    near = [each for each in baselines if y_range[0] <= each.value <= y_range[1]]
    far = [each for each in baselines if each not in near]
    plot = Plot(points, x_range, y_range, height - _MARGIN["t"] - _MARGIN["b"])
    baselines_named = baseline_labels(near, far, plot, colors)
    layout = base_layout(
        colors,
        height,
        margin=_MARGIN,
        hovermode="closest",
        annotations=[*plan_labels(plot, near, baselines_named, colors), *baselines_named],
        xaxis={
            "range": list(x_range),
            "title": axis_title(axis.title, colors),
            "tickvals": [axis.position(value) for value in tick_values],
            "ticktext": [axis.value_text(value) for value in tick_values],
        },
        yaxis={"range": list(y_range), "tickformat": ".2f"},
    )
    traces = [_baseline_trace(each, x_range, colors) for each in near]
    traces += _front_trace(points, x_range, style)
    traces += [trace for point in points for trace in _point_traces(point, style, colors)]
    return {"data": traces, "layout": layout}


def cost_of(plan: PlanResult, cost: Cost) -> float | None:
    """Mean seconds, mean bytes, or the trainable share (0 to 1) of a plan; None if unknown.

    Seconds and bytes that include other runs are not compared with those of runs alone.
    """
    match cost:
        case Cost.SECONDS:
            return plan.seconds_alone
        case Cost.MEMORY:
            return None if plan.trained_together else plan.peak_memory_bytes
        case Cost.SHARE:
            known = plan.trainable is not None and plan.total
            return (plan.trainable or 0) / (plan.total or 1) if known else None


def _points(
    comparison: PlanComparison, task: str, front: Collection[str], cost: Cost
) -> list[Point]:
    """The plans with a score and a known cost, the cheapest first."""
    known = [
        (plan, result, value)
        for plan in comparison.plans
        if (result := plan.tasks.get(task)) is not None
        and result.mean is not None
        and (value := cost_of(plan, cost)) is not None
    ]
    axis = COST_AXES[cost]
    least = min((value for _, _, value in known if value > 0), default=1.0)
    return [
        Point(
            plan.label,
            axis.position(value or least / _ZERO_FACTOR),
            result,
            result.mean or 0.0,
            (result.mean if result.low is None else result.low) or 0.0,
            (result.mean if result.high is None else result.high) or 0.0,
            plan.label in front,
            axis.value_text(value),
        )
        for plan, result, value in sorted(known, key=lambda each: each[2])
    ]


def _y_range(points: Sequence[Point], baselines: Sequence[BaselineLine]) -> tuple[float, float]:
    """Covers every bar, and the baselines that are not far below."""
    low = min((each.low for each in points), default=0.0)
    high = max((each.high for each in points), default=1.0)
    span = max(high - low, 0.04)
    reached = [each.value for each in baselines if each.value > low - _FAR_BELOW * span]
    low, high = min([low, *reached]), max([high, *reached])
    padding = max((high - low) * 0.16, (_LEAST_HEIGHT - (high - low)) / 2)
    return low - padding, high + padding


def _front_trace(
    points: Sequence[Point], x_range: tuple[float, float], style: TaskStyle
) -> list[dict[str, Any]]:
    """The best score so far, as steps: across to the next plan on the front, then up."""
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


def _point_traces(point: Point, style: TaskStyle, colors: Palette) -> list[dict[str, Any]]:
    """The bar over the seeds, and the point; below a hollow point a disc that hides the bar."""
    name = escape_markup(point.label)
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
        "hovertemplate": f"<b>{name}</b> %{{y:.3f}} at {point.cost_text}<br>{over}<extra></extra>",
        "cliponaxis": False,
    }
    disc = {
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
    disc.pop("hovertemplate")
    return [bar, dot] if point.on_front else [bar, disc, dot]


def _baseline_trace(
    each: BaselineLine, x_range: tuple[float, float], colors: Palette
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": escape_markup(each.label),
        "x": list(x_range),
        "y": [each.value, each.value],
        "line": {"color": colors.context, "width": 1.2, "dash": "dot"},
        "hoverinfo": "skip",
    }
