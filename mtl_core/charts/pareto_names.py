"""The names in a figure of quality against cost: of plans beside their points, of baselines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from mtl_core.charts.labels import as_text, note, text_pixels
from mtl_core.charts.pareto_points import Baseline, Point
from mtl_core.charts.placing import Box, Screen, Wanted, placed
from mtl_core.charts.theme import Palette

_WIDTHS = (280, 430, 560)  # pixels of the plot: on a phone, on a small and on a wide screen
_LONGEST = 26
_BASELINE_PIXELS = 14  # nearer ones share a name
_BASELINE_SIZE, _NAME_SIZE = 11, 12
_BASELINE_TALL = 13
_ENDS = (("right", "bottom"), ("left", "bottom"), ("right", "top"), ("left", "top"))


@dataclass(frozen=True, slots=True)
class Ground:
    """What a figure holds before any name is set: the points, its axes' ends, its plot's height."""

    points: Sequence[Point]
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    plot_pixels: float

    def up(self, value: float) -> float:
        """How many pixels a value stands over the lower edge."""
        return (value - self.y_range[0]) * self.plot_pixels / (self.y_range[1] - self.y_range[0])

    def places(self, width: float) -> list[tuple[float, float]]:
        """The points in pixels, where the plot is so wide."""
        across = width / (self.x_range[1] - self.x_range[0])
        return [((p.x - self.x_range[0]) * across, self.up(p.mean)) for p in self.points]

    def bars(self, width: float) -> list[Box]:
        """Each point with the bar over its seeds."""
        return [
            Box(x - 7, min(self.up(p.low) - 4, y - 9), x + 7, max(self.up(p.high) + 4, y + 9))
            for p, (x, y) in zip(self.points, self.places(width), strict=True)
        ]

    def steps(self, width: float) -> list[Box]:
        """The front's level parts and its rises, as boxes that a name had better not cover."""
        each = zip(self.points, self.places(width), strict=True)
        front = [place for p, place in each if p.on_front]
        ends = [*(x for x, _ in front[1:]), width]
        level = [Box(x, y - 2, end, y + 2) for (x, y), end in zip(front, ends, strict=False)]
        rises = [Box(x - 2, low, x + 2, y) for (_, low), (x, y) in pairwise(front)]
        return level + rises

    def line(self, value: float, width: float) -> Box:
        """A baseline across the plot."""
        return Box(0, self.up(value) - 1, width, self.up(value) + 1)

    def told(self, other: Mapping[str, Any], width: float) -> Box:
        """Where a baseline's name stands: over or under its value at one end of the plot."""
        wide = text_pixels(other["text"]) * _BASELINE_SIZE / _NAME_SIZE
        edge = 0.0 if other["yref"] == "paper" else self.up(other["y"])
        bottom = edge if other["yanchor"] == "bottom" else edge - _BASELINE_TALL
        left = 0.0 if other["xanchor"] == "left" else width - wide
        return Box(left, bottom, left + wide, bottom + _BASELINE_TALL)


def plan_names(
    ground: Ground,
    colors: Palette,
    baselines: Sequence[Baseline] = (),
    others: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Each plan's name beside its point, where it covers no other name, bar, step or baseline.
    `others` are the notes of `baseline_names`."""
    screens = [_screen(ground, width, baselines, others) for width in _WIDTHS]
    return [
        note(
            f"<b>{as_text(p.label, _LONGEST)}</b>" if p.on_front else as_text(p.label, _LONGEST),
            _NAME_SIZE,
            colors.ink if p.on_front else colors.muted,
            x=p.x,
            y=p.mean,
            **where,
        )
        for p, where in zip(ground.points, placed(screens), strict=True)
    ]


def _screen(
    ground: Ground,
    width: float,
    baselines: Sequence[Baseline],
    others: Sequence[Mapping[str, Any]],
) -> Screen:
    """All of a figure in pixels, where its plot is so wide."""
    bars = ground.bars(width)
    wanted = [
        Wanted(text_pixels(as_text(p.label, _LONGEST)), x, y, bar.bottom, bar.top, p.on_front)
        for p, (x, y), bar in zip(ground.points, ground.places(width), bars, strict=True)
    ]
    lines = [ground.line(each.value, width) for each in baselines]
    told = [ground.told(other, width) for other in others]
    taken = [*bars, *ground.steps(width), *lines, *told]
    return Screen(wanted, taken, Box(0, 0, width, ground.plot_pixels))


def baseline_names(
    near: Sequence[Baseline], far: Sequence[Baseline], ground: Ground, colors: Palette
) -> list[dict[str, Any]]:
    """Names on the lines at the right, one for lines that nearly touch, and what lies below the
    figure in its lower corner. A name that would lie on the front, on a plan's bar or on another
    baseline goes to the left end or under its line."""
    notes: list[dict[str, Any]] = []
    if far:
        told = ", ".join(f"{as_text(each.label)} {each.value:.2f}" for each in far)
        place = {"x": 1, "xref": "paper", "xanchor": "right", "y": 0, "yref": "paper"}
        notes.append(
            note(f"below: {told}", _BASELINE_SIZE, colors.muted, yanchor="bottom", **place)
        )
    for group in _that_touch(near, ground):
        text = ", ".join(f"{as_text(each.label)} {each.value:.2f}" for each in reversed(group))
        lines = [each.value for each in near if each not in group]
        ends = [_at_end(text, group, *end, colors) for end in _ENDS]
        covered = [_covered(each, lines, notes, ground) for each in ends]
        notes.append(ends[covered.index(min(covered))])
    return notes


def _that_touch(near: Sequence[Baseline], ground: Ground) -> list[list[Baseline]]:
    """The baselines from below, together where their names would touch."""
    groups: list[list[Baseline]] = []
    for each in sorted(near, key=lambda each: each.value):
        if groups and ground.up(each.value) - ground.up(groups[-1][-1].value) < _BASELINE_PIXELS:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _at_end(
    text: str, group: Sequence[Baseline], xanchor: str, yanchor: str, colors: Palette
) -> dict[str, Any]:
    """A name at one end of its line: over the highest of the group or under the lowest."""
    return note(
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
    name: Mapping[str, Any],
    lines: Sequence[float],
    notes: Sequence[Mapping[str, Any]],
    ground: Ground,
) -> float:
    """What a baseline's name covers, over all screens; leaving the plot counts double."""
    covered = 0.0
    for width in _WIDTHS:
        box = ground.told(name, width)
        taken = [*ground.bars(width), *ground.steps(width)]
        taken += [ground.line(value, width) for value in lines]
        taken += [ground.told(other, width) for other in notes]
        frame = Box(0, 0, width, ground.plot_pixels)
        covered += sum(map(box.shared, taken)) + 2 * box.outside(frame)
    return covered
