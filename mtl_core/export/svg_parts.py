"""The parts that an SVG figure is drawn from: places, paint, markers, arrows, text and ticks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape, unescape
from math import cos, hypot, pi, radians, sin
from typing import Any

from mtl_core.charts.labels import round_steps

FONT = "'Helvetica Neue', Arial, 'Liberation Sans', 'Segoe UI', system-ui, sans-serif"
"""Of figures: fonts of about the width that names are placed for, wherever the file is opened."""

_LINE_HEIGHT = 1.25  # of the font's size
_RGBA = re.compile(r"rgba\((\d+),\s*(\d+),\s*(\d+),\s*([\d.]+)\)")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_DASHES = {"solid": "", "dot": "2 3"}
_DASH = re.compile(r"\d+px(,\d+px)*")
_LETTER = 0.52  # of the font's size: the width of an average letter


def _star() -> Iterator[tuple[float, float]]:
    """Ten corners, the first one on top, every second one nearer to the middle."""
    for corner in range(10):
        reach, turn = (1.4, 0.53)[corner % 2], pi * corner / 5
        yield reach * sin(turn), -reach * cos(turn)


_CORNERS = {
    "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "triangle-up": ((0, -1.2), (1.1, 0.8), (-1.1, 0.8)),
    "cross": (
        *((-0.4, -1.2), (0.4, -1.2), (0.4, -0.4), (1.2, -0.4), (1.2, 0.4), (0.4, 0.4)),
        *((0.4, 1.2), (-0.4, 1.2), (-0.4, 0.4), (-1.2, 0.4), (-1.2, -0.4), (-0.4, -0.4)),
    ),
    "star": tuple(_star()),
}
"""Of each marker but the circle, in halves of its size, y downward."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where values of the axes stand, in pixels from the top left."""

    left: float
    right: float
    top: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    @classmethod
    def of(cls, layout: dict[str, Any], width: int) -> "Place":
        """The plotting area that a layout leaves between its margins."""
        margin = layout["margin"]
        return cls(
            margin["l"],
            width - margin["r"],
            margin["t"],
            layout["height"] - margin["b"],
            tuple(layout["xaxis"]["range"]),
            tuple(layout["yaxis"]["range"]),
        )

    @property
    def box(self) -> dict[str, float]:
        """The area as attributes of a rectangle."""
        size = {"width": self.right - self.left, "height": self.bottom - self.top}
        return {"x": self.left, "y": self.top, **size}

    def x(self, value: float) -> float:
        """Pixels of a value on the x axis."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Pixels of a value on the y axis."""
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)

    def paper_x(self, share: float) -> float:
        """Pixels of a share of the area's width."""
        return self.left + share * (self.right - self.left)

    def paper_y(self, share: float) -> float:
        """Pixels of a share of the area's height, from below."""
        return self.bottom - share * (self.bottom - self.top)


def element(name: str, /, *inside: str, **attributes: object) -> str:
    """One SVG element. `inside` is SVG already; attribute names have `_` for `-`."""
    content = "".join(inside)
    written_out = "".join(
        f' {key.replace("_", "-")}="{said(_value(value))}"' for key, value in attributes.items()
    )
    return f"<{name}{written_out}>{content}</{name}>" if content else f"<{name}{written_out}/>"


def said(text: str) -> str:
    """`text` as XML and HTML hold it: no sign of it is markup, and none is forbidden."""
    return escape(_FORBIDDEN.sub("\ufffd", text))


def paint(color: str, attribute: str = "fill") -> dict[str, object]:
    """A colour as attributes that every reader of SVG knows: `rgba` is parted into two."""
    found = _RGBA.fullmatch(color)
    if found is None:
        return {attribute: color}
    red, green, blue = (int(part) for part in found.groups()[:3])
    opacity = float(found[4])
    return {attribute: f"#{red:02x}{green:02x}{blue:02x}", f"{attribute}_opacity": opacity}


def stroke(color: str, width: float, dash: str = "solid") -> dict[str, object]:
    """A line's look as attributes."""
    if dash not in _DASHES and not _DASH.fullmatch(dash):
        raise ValueError(f"Cannot be drawn as SVG here: a line with the dash '{dash}'.")
    pattern = _DASHES.get(dash, dash.replace("px", "").replace(",", " "))
    look = {**paint(color, "stroke"), "stroke_width": width}
    return {**look, "stroke_dasharray": pattern} if pattern else look


def marker(x: float, y: float, look: dict[str, Any]) -> str:
    """A marker, filled or `-open`. Raises ValueError for a symbol that is not drawn here."""
    size, symbol = look["size"] / 2, look["symbol"]
    shape = symbol.removesuffix("-open")
    inside = {"fill": "none"} if shape != symbol else paint(look["color"])
    line = look.get("line", {})
    edge = stroke(line["color"], line["width"]) if line.get("width") else {}
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=size, **inside, **edge)
    if shape not in _CORNERS:
        raise ValueError(f"Cannot be drawn as SVG here: a marker '{symbol}'.")
    points = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in _CORNERS[shape])
    return element("polygon", points=points, **inside, **edge)


def arrow(start: tuple[float, float], end: tuple[float, float], color: str, width: float) -> str:
    """A straight arrow from `start` to `end`."""
    (x0, y0), (x1, y1) = start, end
    length = hypot(x1 - x0, y1 - y0) or 1.0
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    head = 2.6 + 2.4 * width
    neck = (x1 - ux * head, y1 - uy * head)
    side = head * 0.45
    points = [(x1, y1), (neck[0] - uy * side, neck[1] + ux * side)]
    points.append((neck[0] + uy * side, neck[1] - ux * side))
    line = element("line", x1=x0, y1=y0, x2=neck[0], y2=neck[1], **stroke(color, width))
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return line + element("polygon", points=corners, **paint(color))


def written(note: dict[str, Any], x: float, y: float, font: dict[str, Any]) -> str:
    """An annotation's text, of one or several lines, bold where it says so."""
    lines = note["text"].split("<br>")
    size = font["size"]
    step = size * _LINE_HEIGHT
    first = {
        "top": size * 0.95,
        "bottom": -step * (len(lines) - 1) - size * 0.25,
    }.get(note.get("yanchor", "middle"), size * 0.35 - step * (len(lines) - 1) / 2)
    anchor = {"left": "start", "right": "end"}.get(note.get("xanchor", "center"), "middle")
    look = {"font_size": size, **paint(font["color"])}
    if note.get("textangle"):
        return _turned(note, x, y, look)
    heights = [y + first + number * step for number in range(len(lines))]
    ground = "".join(
        _ground(note, line, anchor, x, height, size)
        for line, height in zip(lines, heights, strict=True)
        if note.get("bgcolor")
    )
    return ground + "".join(
        element("text", "".join(_spans(line)), x=x, y=height, text_anchor=anchor, **look)
        for line, height in zip(lines, heights, strict=True)
    )


def _ground(
    note: dict[str, Any], line: str, anchor: str, x: float, height: float, size: float
) -> str:
    """What hides a figure's lines behind a line of text, about as wide as the text."""
    pad = note.get("borderpad", 1)
    length = _length(line, size) + 2 * pad
    left = x - {"start": pad, "middle": length / 2, "end": length - pad}[anchor]
    place = {"x": left, "y": height - size - pad, "width": length, "height": size * 1.3 + 2 * pad}
    return element("rect", **place, **paint(note["bgcolor"]))


def _length(line: str, size: float) -> float:
    """About how many pixels a line of text takes."""
    return len(unescape(re.sub(r"</?b>", "", line))) * size * _LETTER


def _turned(note: dict[str, Any], x: float, y: float, look: dict[str, Any]) -> str:
    """One line of text at an angle, where Plotly puts it: (x, y) is a side or the middle of the
    upright rectangle around the turned text, as its anchors say."""
    size, angle = look["font_size"], radians(note["textangle"])
    length, tall = _length(note["text"], size), size * _LINE_HEIGHT
    across = length * abs(cos(angle)) + tall * abs(sin(angle))
    down = length * abs(sin(angle)) + tall * abs(cos(angle))
    x += {"left": across / 2, "right": -across / 2}.get(note.get("xanchor", "center"), 0.0)
    y += {"top": down / 2, "bottom": -down / 2}.get(note.get("yanchor", "middle"), 0.0)
    anchor = {"left": "start", "right": "end"}.get(note.get("xanchor", "center"), "middle")
    along = {"start": -length / 2, "end": length / 2, "middle": 0.0}[anchor]
    x, y = x + along * cos(angle), y + along * sin(angle)
    turn = f"rotate({note['textangle']} {x:.1f} {y:.1f})"
    content = "".join(_spans(note["text"]))
    place = {"x": x, "y": y + size * 0.35, "text_anchor": anchor, "transform": turn}
    return element("text", content, **place, **look)


def ticks(ends: Sequence[float], most: int, step: float | None = None) -> list[float]:
    """Round values between the two `ends`, about `most` of them: steps of 1, 2 or 5 times a power
    of ten."""
    low, high = sorted(ends)
    return round_steps(low, high, most, step)


def tick_label(value: float, form: str = "") -> str:
    """A tick's number: `2,000`, `0.05`; with `form` as Plotly's `tickformat` says.

    Raises ValueError for one that is not known here.
    """
    if found := re.fullmatch(r"\.(\d)f", form):
        return f"{value:.{found[1]}f}"
    if form not in ("", "~g", ",d"):
        raise ValueError(f"Cannot be drawn as SVG here: ticks as '{form}'.")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.6g}'):g}"


def _value(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _spans(line: str) -> Iterator[str]:
    """A line with Plotly's `<b>` as spans; everything else in it is text."""
    bold = False
    for part in re.split(r"(</?b>)", line):
        if part in ("<b>", "</b>"):
            bold = part == "<b>"
        elif part:
            text = said(unescape(part))
            yield f'<tspan font-weight="600">{text}</tspan>' if bold else text
