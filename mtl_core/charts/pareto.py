"""Quality of each plan against its cost: points, the Pareto front, and ranges over seeds."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import log10
from typing import Any

from mtl_core.analysis.plans import PlanComparison, PlanResult, TaskResult
from mtl_core.charts.label_placement import Box, PointLabel, Screen, place_labels
from mtl_core.charts.labels import (
    annotation,
    escape_markup,
    round_steps,
    round_steps_log,
    text_pixels,
)
from mtl_core.charts.theme import Figure, Palette, TaskStyle, axis_title, base_layout

HEIGHT = 270
_MARGIN = {"l": 44, "r": 18, "t": 12, "b": 42}
_AXIS_PADDING = 0.09  # share of the axis beyond the first and the last point
_FAR_BELOW = 1.2  # a baseline more plot heights below the points is outside the plot
_LEAST_HEIGHT = 0.08  # of the y axis, so that its ticks differ at two decimals
_ZERO_FACTOR = 10.0  # on a logarithmic axis, 0 is drawn this many times below the smallest value
_PLOT_WIDTHS = (280, 430, 560)  # pixels, on a phone, a small and a wide screen
_NAME_LIMIT = 26
_BASELINE_PIXELS = 14  # baselines closer than this share a label
_BASELINE_SIZE, _NAME_SIZE = 11, 12
_BASELINE_LINE_HEIGHT = 13
_BASELINE_CORNERS = (("right", "bottom"), ("left", "bottom"), ("right", "top"), ("left", "top"))


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


@dataclass(frozen=True, slots=True)
class BaselineLine:
    """A score without fine-tuning, drawn as a horizontal line: `majority class`, 0.52."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class _Point:
    """A plan in the figure: position on the x axis, mean score, lowest and highest seed."""

    label: str
    x: float
    result: TaskResult
    mean: float
    low: float
    high: float
    on_front: bool
    cost_text: str


@dataclass(frozen=True, slots=True)
class _Plot:
    """The points, the axis ranges and the height of the plot, to convert values to pixels."""

    points: Sequence[_Point]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    height: float

    def up(self, value: float) -> float:
        """The height of a score in pixels above the lower edge."""
        return (value - self.y_range[0]) * self.height / (self.y_range[1] - self.y_range[0])

    def places(self, width: float) -> list[tuple[float, float]]:
        """The points in pixels, for a plot `width` pixels wide."""
        across = width / (self.x_range[1] - self.x_range[0])
        return [((p.x - self.x_range[0]) * across, self.up(p.mean)) for p in self.points]

    def bars(self, width: float) -> list[Box]:
        """The box of each point and its bar over the seeds."""
        return [
            Box(x - 7, min(self.up(p.low) - 4, y - 9), x + 7, max(self.up(p.high) + 4, y + 9))
            for p, (x, y) in zip(self.points, self.places(width), strict=True)
        ]

    def steps(self, width: float) -> list[Box]:
        """The boxes of the front's horizontal and vertical parts."""
        each = zip(self.points, self.places(width), strict=True)
        front = [place for p, place in each if p.on_front]
        ends = [*(x for x, _ in front[1:]), width]
        level = [Box(x, y - 2, end, y + 2) for (x, y), end in zip(front, ends, strict=False)]
        rises = [Box(x - 2, low, x + 2, y) for (_, low), (x, y) in pairwise(front)]
        return level + rises

    def line(self, value: float, width: float) -> Box:
        """The box of a baseline across the plot."""
        return Box(0, self.up(value) - 1, width, self.up(value) + 1)

    def baseline_label(self, label: Mapping[str, Any], width: float) -> Box:
        """The box of a baseline's annotation."""
        wide = text_pixels(label["text"]) * _BASELINE_SIZE / _NAME_SIZE
        edge = 0.0 if label["yref"] == "paper" else self.up(label["y"])
        bottom = edge if label["yanchor"] == "bottom" else edge - _BASELINE_LINE_HEIGHT
        left = 0.0 if label["xanchor"] == "left" else width - wide
        return Box(left, bottom, left + wide, bottom + _BASELINE_LINE_HEIGHT)


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
    plot = _Plot(points, x_range, y_range, height - _MARGIN["t"] - _MARGIN["b"])
    baseline_labels = _baseline_labels(near, far, plot, colors)
    layout = base_layout(
        colors,
        height,
        margin=_MARGIN,
        hovermode="closest",
        annotations=[*_plan_labels(plot, near, baseline_labels, colors), *baseline_labels],
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
    """Mean seconds, mean bytes, or the trainable share (0 to 1) of a plan; None if unknown."""
    match cost:
        case Cost.SECONDS:
            return plan.seconds
        case Cost.MEMORY:
            return plan.peak_memory_bytes
        case Cost.SHARE:
            known = plan.trainable is not None and plan.total
            return (plan.trainable or 0) / (plan.total or 1) if known else None


def _points(
    comparison: PlanComparison, task: str, front: Collection[str], cost: Cost
) -> list[_Point]:
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
        _Point(
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


def _y_range(points: Sequence[_Point], baselines: Sequence[BaselineLine]) -> tuple[float, float]:
    """Covers every bar, and the baselines that are not far below."""
    low = min((each.low for each in points), default=0.0)
    high = max((each.high for each in points), default=1.0)
    span = max(high - low, 0.04)
    reached = [each.value for each in baselines if each.value > low - _FAR_BELOW * span]
    low, high = min([low, *reached]), max([high, *reached])
    padding = max((high - low) * 0.16, (_LEAST_HEIGHT - (high - low)) / 2)
    return low - padding, high + padding


def _front_trace(
    points: Sequence[_Point], x_range: tuple[float, float], style: TaskStyle
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


def _point_traces(point: _Point, style: TaskStyle, colors: Palette) -> list[dict[str, Any]]:
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


def _plan_labels(
    plot: _Plot,
    baselines: Sequence[BaselineLine],
    baseline_labels: Sequence[Mapping[str, Any]],
    colors: Palette,
) -> list[dict[str, Any]]:
    """The label of each plan beside its point, where it covers no label, bar, step or baseline."""
    screens = [_screen(plot, width, baselines, baseline_labels) for width in _PLOT_WIDTHS]
    return [
        annotation(
            f"<b>{escape_markup(p.label, _NAME_LIMIT)}</b>"
            if p.on_front
            else escape_markup(p.label, _NAME_LIMIT),
            _NAME_SIZE,
            colors.ink if p.on_front else colors.muted,
            x=p.x,
            y=p.mean,
            **keys,
        )
        for p, keys in zip(plot.points, place_labels(screens), strict=True)
    ]


def _screen(
    plot: _Plot,
    width: float,
    baselines: Sequence[BaselineLine],
    baseline_labels: Sequence[Mapping[str, Any]],
) -> Screen:
    """The figure in pixels, for a plot `width` pixels wide."""
    bars = plot.bars(width)
    labels = [
        PointLabel(
            text_pixels(escape_markup(p.label, _NAME_LIMIT)), x, y, bar.bottom, bar.top, p.on_front
        )
        for p, (x, y), bar in zip(plot.points, plot.places(width), bars, strict=True)
    ]
    lines = [plot.line(each.value, width) for each in baselines]
    others = [plot.baseline_label(each, width) for each in baseline_labels]
    occupied = [*bars, *plot.steps(width), *lines, *others]
    return Screen(labels, occupied, Box(0, 0, width, plot.height))


def _baseline_labels(
    near: Sequence[BaselineLine], far: Sequence[BaselineLine], plot: _Plot, colors: Palette
) -> list[dict[str, Any]]:
    """The labels of baselines, one per group of close lines; those outside the plot as a list.

    A label is at the right end above its line. It moves to the left end or below the line if it
    would cover the front, a bar or another baseline.
    """
    labels: list[dict[str, Any]] = []
    if far:
        values = ", ".join(f"{escape_markup(each.label)} {each.value:.2f}" for each in far)
        place = {"x": 1, "xref": "paper", "xanchor": "right", "y": 0, "yref": "paper"}
        text = f"below: {values}"
        labels.append(annotation(text, _BASELINE_SIZE, colors.muted, yanchor="bottom", **place))
    for group in _close_baselines(near, plot):
        text = ", ".join(f"{escape_markup(each.label)} {each.value:.2f}" for each in group[::-1])
        lines = [each.value for each in near if each not in group]
        corners = [_baseline_label(text, group, *corner, colors) for corner in _BASELINE_CORNERS]
        covered = [_covered(each, lines, labels, plot) for each in corners]
        labels.append(corners[covered.index(min(covered))])
    return labels


def _close_baselines(near: Sequence[BaselineLine], plot: _Plot) -> list[list[BaselineLine]]:
    """Groups the baselines whose labels would touch, from the lowest to the highest."""
    groups: list[list[BaselineLine]] = []
    for each in sorted(near, key=lambda each: each.value):
        if groups and plot.up(each.value) - plot.up(groups[-1][-1].value) < _BASELINE_PIXELS:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _baseline_label(
    text: str, group: Sequence[BaselineLine], xanchor: str, yanchor: str, colors: Palette
) -> dict[str, Any]:
    """A label at one end, above the highest line of its group or below the lowest."""
    return annotation(
        text,
        _BASELINE_SIZE,
        colors.muted,
        x=1 if xanchor == "right" else 0,
        xref="paper",
        xanchor=xanchor,
        y=group[-1 if yanchor == "bottom" else 0].value,
        yref="y",
        yanchor=yanchor,
    )


def _covered(
    label: Mapping[str, Any],
    lines: Sequence[float],
    others: Sequence[Mapping[str, Any]],
    plot: _Plot,
) -> float:
    """The area that a baseline's label covers over all screens; outside the plot counts double."""
    covered = 0.0
    for width in _PLOT_WIDTHS:
        box = plot.baseline_label(label, width)
        occupied = [*plot.bars(width), *plot.steps(width)]
        occupied += [plot.line(value, width) for value in lines]
        occupied += [plot.baseline_label(other, width) for other in others]
        covered += sum(map(box.overlap, occupied))
        covered += 2 * box.outside(Box(0, 0, width, plot.height))
    return covered
