"""Places the names of plans and baselines in the figure of quality against cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from mtl_core.analysis.outcomes import Against
from mtl_core.analysis.plans import TaskResult
from mtl_core.charts.label_placement import Box, PointLabel, Screen, place_labels
from mtl_core.charts.labels import annotation, escape_markup, text_pixels
from mtl_core.charts.theme import Palette

_PLOT_WIDTHS = (280, 430, 560)  # pixels, on a phone, a small and a wide screen
_NAME_LIMIT = 26
_BASELINE_PIXELS = 14  # baselines closer than this share a label
_SIZE = 12
_BASELINE_LINE_HEIGHT = 13
_BASELINE_CORNERS = (("right", "bottom"), ("left", "bottom"), ("right", "top"), ("left", "top"))


@dataclass(frozen=True, slots=True)
class BaselineLine:
    """A score without fine-tuning, drawn as a horizontal line: `majority class`, 0.52.

    `against` has the comparison of each plan with it by the plan's label; empty if its answers are
    unknown or it is measured by runs.
    """

    label: str
    value: float
    against: Mapping[str, Against] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Point:
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
class Plot:
    """The points, the axis ranges and the height of the plot, to convert values to pixels."""

    points: Sequence[Point]
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
        wide = text_pixels(label["text"])
        edge = 0.0 if label["yref"] == "paper" else self.up(label["y"])
        bottom = edge if label["yanchor"] == "bottom" else edge - _BASELINE_LINE_HEIGHT
        left = 0.0 if label["xanchor"] == "left" else width - wide
        return Box(left, bottom, left + wide, bottom + _BASELINE_LINE_HEIGHT)


def plan_labels(
    plot: Plot,
    baselines: Sequence[BaselineLine],
    named: Sequence[Mapping[str, Any]],
    colors: Palette,
) -> list[dict[str, Any]]:
    """The label of each plan beside its point, where it covers no label, bar, step or baseline."""
    screens = [_screen(plot, width, baselines, named) for width in _PLOT_WIDTHS]
    return [
        annotation(
            f"<b>{escape_markup(p.label, _NAME_LIMIT)}</b>"
            if p.on_front
            else escape_markup(p.label, _NAME_LIMIT),
            _SIZE,
            colors.ink if p.on_front else colors.muted,
            x=p.x,
            y=p.mean,
            **keys,
        )
        for p, keys in zip(plot.points, place_labels(screens), strict=True)
    ]


def _screen(
    plot: Plot,
    width: float,
    baselines: Sequence[BaselineLine],
    named: Sequence[Mapping[str, Any]],
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
    others = [plot.baseline_label(each, width) for each in named]
    occupied = [*bars, *plot.steps(width), *lines, *others]
    return Screen(labels, occupied, Box(0, 0, width, plot.height))


def baseline_labels(
    near: Sequence[BaselineLine], far: Sequence[BaselineLine], plot: Plot, colors: Palette
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
        labels.append(annotation(text, _SIZE, colors.muted, yanchor="bottom", **place))
    for group in _close_baselines(near, plot):
        text = ", ".join(f"{escape_markup(each.label)} {each.value:.2f}" for each in group[::-1])
        lines = [each.value for each in near if each not in group]
        corners = [_baseline_label(text, group, *corner, colors) for corner in _BASELINE_CORNERS]
        covered = [_covered(each, lines, labels, plot) for each in corners]
        labels.append(corners[covered.index(min(covered))])
    return labels


def _close_baselines(near: Sequence[BaselineLine], plot: Plot) -> list[list[BaselineLine]]:
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
        _SIZE,
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
    plot: Plot,
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
