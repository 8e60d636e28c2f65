"""Places the labels of points so that they cover no other label, bar or point.

The width of a figure depends on the reader's screen: space that is free on a wide screen is
occupied on a phone. A position is therefore rated on several screens at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from math import hypot
from typing import Any

_LINE_HEIGHT = 16  # pixels of a line of text
_DISTANCE = 9  # pixels from a point to its label
_MISTAKEN = 400  # square pixels: the cost of a label that is nearer to another point
_MOST_IN_PAIRS = 12  # with more labels, the search over pairs takes too long


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; y points upward."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: "Box") -> float:
        """The area that two boxes share."""
        across = min(self.right, other.right) - max(self.left, other.left)
        up = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, across) * max(0.0, up)

    def distance(self, x: float, y: float) -> float:
        """The distance of a point from the box; 0 inside."""
        across = max(self.left - x, x - self.right, 0.0)
        up = max(self.bottom - y, y - self.top, 0.0)
        return hypot(across, up)

    def outside(self, frame: "Box") -> float:
        """The area outside `frame`."""
        whole = (self.right - self.left) * (self.top - self.bottom)
        return whole - self.overlap(frame)


@dataclass(frozen=True, slots=True)
class PointLabel:
    """A label, `width` pixels wide, of the point (x, y) with an error bar from `low` to `high`.

    `prefers_above`: whether it is placed above the point rather than below the bar.
    """

    width: float
    x: float
    y: float
    low: float
    high: float
    prefers_above: bool


@dataclass(frozen=True, slots=True)
class Screen:
    """A figure at one width: labels to place, occupied boxes, and the frame of the plot."""

    labels: Sequence[PointLabel]
    occupied: Sequence[Box]
    frame: Box


@dataclass(frozen=True, slots=True)
class _Position:
    """One possible position of a label: the annotation keys, and its box on each screen."""

    keys: dict[str, Any]
    boxes: tuple[Box, ...]

    def overlap(self, other: "_Position") -> float:
        return sum(one.overlap(two) for one, two in zip(self.boxes, other.boxes, strict=True))


def place_labels(screens: Sequence[Screen]) -> list[dict[str, Any]]:
    """Returns anchor and shift of each label, as keys of an annotation at its point.

    All screens must hold the same labels at the same heights. In the given order, each label gets
    the first position that covers nothing on any screen, or the one that covers least; the area
    outside the frame counts double, and a label that is nearer to another point counts as covering.
    Then pairs of labels are moved together if that reduces what they cover.
    """
    options = [
        [
            _Position(same[0][0], tuple(box for _, box in same))
            for same in zip(*map(_positions, each), strict=True)
        ]
        for each in zip(*(screen.labels for screen in screens), strict=True)
    ]
    covered = [
        [_covered(position, screens, label) for position in positions]
        for label, positions in enumerate(options)
    ]
    chosen: list[int] = []
    for label, positions in enumerate(options):
        before = [options[n][each] for n, each in enumerate(chosen)]
        costs = [
            cost + sum(map(position.overlap, before))
            for cost, position in zip(covered[label], positions, strict=True)
        ]
        chosen.append(costs.index(min(costs)))
    if len(options) <= _MOST_IN_PAIRS:
        _improve_pairs(options, covered, chosen)
    return [options[label][each].keys for label, each in enumerate(chosen)]


def _covered(position: _Position, screens: Sequence[Screen], label: int) -> float:
    """The occupied area that a position of a label covers over all screens, without other labels.

    A screen on which it is nearer to the point of another label counts as _MISTAKEN.
    """
    return sum(
        sum(map(box.overlap, screen.occupied))
        + 2 * box.outside(screen.frame)
        + _MISTAKEN * _is_nearer_to_another(box, screen, label)
        for box, screen in zip(position.boxes, screens, strict=True)
    )


def _is_nearer_to_another(box: Box, screen: Screen, label: int) -> bool:
    distances = [box.distance(each.x, each.y) for each in screen.labels]
    return min(distances) < distances[label]


def _improve_pairs(
    options: Sequence[Sequence[_Position]],
    covered: Sequence[Sequence[float]],
    chosen: list[int],
) -> None:
    """Updates `chosen` in place where moving two labels together reduces what they cover."""

    def costs(label: int, other: int) -> list[float]:
        """For each position of a label, what it covers, without the other label."""
        rest = [options[n][each] for n, each in enumerate(chosen) if n not in (label, other)]
        return [
            cost + sum(map(position.overlap, rest))
            for cost, position in zip(covered[label], options[label], strict=True)
        ]

    for label, other in permutations(range(len(chosen)), 2):
        own, others = costs(label, other), costs(other, label)
        now = chosen[label], chosen[other]
        if not own[now[0]] + options[label][now[0]].overlap(options[other][now[1]]):
            continue
        pairs = [now, *product(range(len(own)), range(len(others)))]
        chosen[label], chosen[other] = min(
            pairs,
            key=lambda pair: (
                own[pair[0]]
                + others[pair[1]]
                + options[label][pair[0]].overlap(options[other][pair[1]])
            ),
        )


def _positions(label: PointLabel) -> Iterator[tuple[dict[str, Any], Box]]:
    """The possible positions, the preferred ones first.

    The four corners, starting with the upper left, where no Pareto front runs; for a label that
    belongs below its bar first that place. Then above or below the bar to one side. Last, one line
    further away, for very crowded figures.
    """
    up, down = label.y + 4, label.y - 4 - _LINE_HEIGHT
    corners = [
        _corner(label, "right", up),
        _corner(label, "left", up),
        _corner(label, "left", down),
        _corner(label, "right", down),
    ]
    ends = [_centred(label, label.low - _LINE_HEIGHT), _centred(label, label.high)]
    if label.prefers_above:
        yield from (*corners, *ends)
    else:
        yield from (ends[0], *corners[2:], *corners[:2], ends[1])
    for bottom in (label.high, label.low - _LINE_HEIGHT):
        yield from (_corner(label, side, bottom, -_DISTANCE) for side in ("right", "left"))
    for bottom in (label.low - 2 * _LINE_HEIGHT, label.high + _LINE_HEIGHT):
        yield _centred(label, bottom)
        yield from (_corner(label, side, bottom, -_DISTANCE) for side in ("right", "left"))


def _corner(
    label: PointLabel, anchor: str, bottom: float, distance: float = _DISTANCE
) -> tuple[dict[str, Any], Box]:
    left = label.x - distance - label.width if anchor == "right" else label.x + distance
    shift = -distance if anchor == "right" else distance
    keys = {"xanchor": anchor, "xshift": shift, "yanchor": "bottom", "yshift": bottom - label.y}
    return keys, Box(left, bottom, left + label.width, bottom + _LINE_HEIGHT)


def _centred(label: PointLabel, bottom: float) -> tuple[dict[str, Any], Box]:
    keys = {"xanchor": "center", "xshift": 0, "yanchor": "bottom", "yshift": bottom - label.y}
    left = label.x - label.width / 2
    return keys, Box(left, bottom, left + label.width, bottom + _LINE_HEIGHT)
