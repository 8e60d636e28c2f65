"""The names in a figure of quality against cost: of plans beside their points, of baselines."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from mtl_core.charts.labels import as_text, note
from mtl_core.charts.pareto_points import Baseline, Point
from mtl_core.charts.placing import Box, Wanted, placed
from mtl_core.charts.theme import Palette

_USUAL_WIDTH = 430  # pixels of the plot, between a phone's and a wide screen's
_LONGEST = 26
_BASELINE_PIXELS = 14  # nearer ones share a name


def plan_names(
    points: Sequence[Point],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    plot_pixels: float,
    colors: Palette,
) -> list[dict[str, Any]]:
    """Each plan's name beside its point, where it covers no other name, bar or step."""
    across = _USUAL_WIDTH / (x_range[1] - x_range[0])
    up = plot_pixels / (y_range[1] - y_range[0])
    at = [((p.x - x_range[0]) * across, (p.mean - y_range[0]) * up) for p in points]
    bars = [
        Box(x - 7, (p.low - y_range[0]) * up - 9, x + 7, (p.high - y_range[0]) * up + 9)
        for p, (x, _) in zip(points, at, strict=True)
    ]
    wanted = [
        Wanted(len(as_text(p.label, _LONGEST)), x, y, bar.bottom, bar.top, p.on_front)
        for p, (x, y), bar in zip(points, at, bars, strict=True)
    ]
    frame = Box(0, 0, _USUAL_WIDTH, plot_pixels)
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
    """The front's level parts and its rises, in pixels, as boxes that a name had better not
    cover."""
    ends = [*(x for x, _ in front[1:]), float(_USUAL_WIDTH)]
    level = [Box(x, y - 2, end, y + 2) for (x, y), end in zip(front, ends, strict=False)]
    rises = [Box(x - 2, low, x + 2, y) for (_, low), (x, y) in pairwise(front)]
    return level + rises


def baseline_names(
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
