"""The names in a figure of quality against cost: of plans beside their points, of baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mtl_core.charts.labels import LETTER_PIXELS, as_text, note
from mtl_core.charts.pareto_points import Baseline, Point
from mtl_core.charts.placing import Box, Screen, Wanted, placed
from mtl_core.charts.theme import Palette

_WIDTHS = (280, 430, 560)  # pixels of the plot: on a phone, on a small and on a wide screen
_LONGEST = 26
_BASELINE_PIXELS = 14  # nearer ones share a name
_BASELINE_SIZE, _NAME_SIZE = 11, 12
_BASELINE_TALL = 15


def plan_names(
    points: Sequence[Point],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    plot_pixels: float,
    colors: Palette,
    others: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Each plan's name beside its point, where it covers no other name, bar or step. `others` are
    the notes of `baseline_names`."""
    taken = _Ground(points, x_range, y_range, plot_pixels, others)
    return [
        note(
            f"<b>{as_text(p.label, _LONGEST)}</b>" if p.on_front else as_text(p.label, _LONGEST),
            _NAME_SIZE,
            colors.ink if p.on_front else colors.muted,
            x=p.x,
            y=p.mean,
            **where,
        )
        for p, where in zip(points, placed([taken.screen(w) for w in _WIDTHS]), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a figure holds before the names of its plans are set."""

    points: Sequence[Point]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    plot_pixels: float
    others: Sequence[Mapping[str, Any]]

    def screen(self, width: float) -> Screen:
        """All of it in pixels, where the plot is so wide."""
        across = width / (self.x_range[1] - self.x_range[0])
        at = [((p.x - self.x_range[0]) * across, self._up(p.mean)) for p in self.points]
        bars = [
            Box(x - 7, self._up(p.low) - 9, x + 7, self._up(p.high) + 9)
            for p, (x, _) in zip(self.points, at, strict=True)
        ]
        wanted = [
            Wanted(len(as_text(p.label, _LONGEST)), x, y, bar.bottom, bar.top, p.on_front)
            for p, (x, y), bar in zip(self.points, at, bars, strict=True)
        ]
        front = [place for p, place in zip(self.points, at, strict=True) if p.on_front]
        told = [self._told(other, width) for other in self.others]
        frame = Box(0, 0, width, self.plot_pixels)
        return Screen(wanted, [*bars, *_steps(front, width), *told], frame)

    def _up(self, value: float) -> float:
        return (value - self.y_range[0]) * self.plot_pixels / (self.y_range[1] - self.y_range[0])

    def _told(self, other: Mapping[str, Any], width: float) -> Box:
        """Where a note at the right end stands: over its value, or over the figure's edge."""
        long = len(other["text"]) * LETTER_PIXELS * _BASELINE_SIZE / _NAME_SIZE
        bottom = 0.0 if other["yref"] == "paper" else self._up(other["y"])
        return Box(width - long, bottom, width, bottom + _BASELINE_TALL)


def _steps(front: Sequence[tuple[float, float]], width: float) -> list[Box]:
    """The front's level parts and its rises, in pixels, as boxes that a name had better not
    cover."""
    ends = [*(x for x, _ in front[1:]), width]
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
            _BASELINE_SIZE,
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
        notes.append(
            note(f"below: {told}", _BASELINE_SIZE, colors.muted, yanchor="bottom", **place)
        )
    return notes
