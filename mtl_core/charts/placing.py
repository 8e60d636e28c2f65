"""Where the names of points stand, so that none covers another name, a bar or a point.

A figure's width is the reader's: what is free beside a point on a wide screen is taken on a phone.
So a place is judged on several screens at once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

_TALL = 16  # pixels of a line of text
_AWAY = 9  # from a point to its name
_MOST_PAIRED = 12  # names; more take too long to be tried in pairs


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, y upward."""

    left: float
    bottom: float
    right: float
    top: float

    def shared(self, other: "Box") -> float:
        """The area that two boxes share."""
        across = min(self.right, other.right) - max(self.left, other.left)
        up = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(0.0, across) * max(0.0, up)

    def outside(self, frame: "Box") -> float:
        """The area that lies beyond a frame."""
        whole = (self.right - self.left) * (self.top - self.bottom)
        return whole - self.shared(frame)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A name of so many pixels at the point (x, y), whose bar goes from `low` to `high`."""

    wide: float
    x: float
    y: float
    low: float
    high: float
    above: bool  # whether it would rather stand over its point than under its bar


@dataclass(frozen=True, slots=True)
class Screen:
    """A figure at one width: the names wanted, what is taken already, and the figure's frame."""

    wanted: Sequence[Wanted]
    taken: Sequence[Box]
    frame: Box


@dataclass(frozen=True, slots=True)
class _Place:
    """One place of a name: how an annotation is put there, and the box it covers on each screen."""

    where: dict[str, Any]
    boxes: tuple[Box, ...]

    def shared(self, other: "_Place") -> float:
        return sum(one.shared(two) for one, two in zip(self.boxes, other.boxes, strict=True))


def placed(screens: Sequence[Screen]) -> list[dict[str, Any]]:
    """For each name an anchor and a shift, as an annotation at its point takes them. The screens
    hold the same names at the same heights.

    In the order given, each takes the first of its places that covers nothing on any screen, or
    the one that covers least; leaving the frame counts double. Then a name that still covers
    something is placed anew together with each other name, where that makes the two cover less.
    """
    options = [
        [
            _Place(same[0][0], tuple(box for _, box in same))
            for same in zip(*map(_places, each), strict=True)
        ]
        for each in zip(*(screen.wanted for screen in screens), strict=True)
    ]
    alone = [[_covered(place, screens) for place in places] for places in options]
    chosen: list[int] = []
    for name, places in enumerate(options):
        before = [options[n][each] for n, each in enumerate(chosen)]
        costs = [
            cost + sum(map(place.shared, before))
            for cost, place in zip(alone[name], places, strict=True)
        ]
        chosen.append(costs.index(min(costs)))
    if len(options) <= _MOST_PAIRED:
        _pair_up(options, alone, chosen)
    return [options[name][each].where for name, each in enumerate(chosen)]


def _covered(place: _Place, screens: Sequence[Screen]) -> float:
    """What a place covers but for other names, over all screens."""
    return sum(
        sum(map(box.shared, screen.taken)) + 2 * box.outside(screen.frame)
        for box, screen in zip(place.boxes, screens, strict=True)
    )


def _pair_up(
    options: Sequence[Sequence[_Place]],
    alone: Sequence[Sequence[float]],
    chosen: list[int],
) -> None:
    """Change `chosen` where two names, moved at once, cover less than they do."""

    def costs(name: int, other: int) -> list[float]:
        """Of each place of a name, what it covers but for the other's name."""
        rest = [options[n][each] for n, each in enumerate(chosen) if n not in (name, other)]
        return [
            cost + sum(map(place.shared, rest))
            for cost, place in zip(alone[name], options[name], strict=True)
        ]

    for name, other in permutations(range(len(chosen)), 2):
        own, others = costs(name, other), costs(other, name)
        now = chosen[name], chosen[other]
        if not own[now[0]] + options[name][now[0]].shared(options[other][now[1]]):
            continue
        pairs = [now, *product(range(len(own)), range(len(others)))]
        chosen[name], chosen[other] = min(
            pairs,
            key=lambda pair: (
                own[pair[0]]
                + others[pair[1]]
                + options[name][pair[0]].shared(options[other][pair[1]])
            ),
        )


def _places(name: Wanted) -> Iterator[tuple[dict[str, Any], Box]]:
    """Upper left first (above a front no line runs there), then the other corners; for a point off
    the front first under its bar. Then over or under the bar and to one side of it; last, a line
    further off, where so many plans stand close that all else is taken."""
    wide = name.wide
    up, down = name.y + 4, name.y - 4 - _TALL
    corners = [
        _corner(name, "right", up, wide),
        _corner(name, "left", up, wide),
        _corner(name, "left", down, wide),
        _corner(name, "right", down, wide),
    ]
    ends = [
        _centred(name, name.low - _TALL, wide),
        _centred(name, name.high, wide),
    ]
    yield from (*corners, *ends) if name.above else (ends[0], *corners[2:], *corners[:2], ends[1])
    for bottom in (name.high, name.low - _TALL):
        yield from (_corner(name, side, bottom, wide, away=-_AWAY) for side in ("right", "left"))
    for bottom in (name.low - 2 * _TALL, name.high + _TALL):
        yield _centred(name, bottom, wide)
        yield from (_corner(name, side, bottom, wide, away=-_AWAY) for side in ("right", "left"))


def _corner(
    name: Wanted, anchor: str, bottom: float, wide: float, away: float = _AWAY
) -> tuple[dict[str, Any], Box]:
    left = name.x - away - wide if anchor == "right" else name.x + away
    shift = -away if anchor == "right" else away
    place = {"xanchor": anchor, "xshift": shift, "yanchor": "bottom", "yshift": bottom - name.y}
    return place, Box(left, bottom, left + wide, bottom + _TALL)


def _centred(name: Wanted, bottom: float, wide: float) -> tuple[dict[str, Any], Box]:
    place = {"xanchor": "center", "xshift": 0, "yanchor": "bottom", "yshift": bottom - name.y}
    return place, Box(name.x - wide / 2, bottom, name.x + wide / 2, bottom + _TALL)
