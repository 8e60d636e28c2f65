"""SVG elements: escaping, colours, lines, markers, arrows and text."""

import re
from collections.abc import Iterator
from html import escape, unescape
from math import cos, hypot, pi, radians, sin
from typing import Any

FONT = "'Helvetica Neue', Arial, 'Liberation Sans', 'Segoe UI', system-ui, sans-serif"
"""The font of figures: common fonts of about the width that label placement assumes."""

_LINE_HEIGHT = 1.25  # as a share of the font size
_RGBA = re.compile(r"rgba\((\d+),\s*(\d+),\s*(\d+),\s*([\d.]+)\)")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_DASHES = {"solid": "", "dot": "2 3"}
_DASH = re.compile(r"\d+px(,\d+px)*")
_LETTER = 0.52  # width of an average letter, as a share of the font size


def _star_corners() -> Iterator[tuple[float, float]]:
    """Ten corners, starting at the top; every second one is closer to the centre."""
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
    "star": tuple(_star_corners()),
}
"""The corners of each marker except the circle, in units of half its size; y points down."""


def element(name: str, /, *content: str, **attributes: object) -> str:
    """Builds an SVG element. `content` is SVG; `_` in attribute names becomes `-`."""
    inner = "".join(content)
    attribute_text = "".join(
        f' {key.replace("_", "-")}="{escape_xml(_value_text(value))}"'
        for key, value in attributes.items()
    )
    return f"<{name}{attribute_text}>{inner}</{name}>" if inner else f"<{name}{attribute_text}/>"


def escape_xml(text: str) -> str:
    """Escapes `text` for XML and HTML, and replaces the characters that XML forbids."""
    return escape(replace_forbidden(text))


def replace_forbidden(text: str) -> str:
    """Replaces control characters and lone surrogates, which XML forbids, by U+FFFD."""
    return _FORBIDDEN.sub("\ufffd", text)


def color_attributes(color: str, attribute: str = "fill") -> dict[str, object]:
    """The attributes of a colour; `rgba` is split into colour and opacity, as SVG 1.1 requires."""
    found = _RGBA.fullmatch(color)
    if found is None:
        return {attribute: color}
    red, green, blue = (int(part) for part in found.groups()[:3])
    opacity = float(found[4])
    return {attribute: f"#{red:02x}{green:02x}{blue:02x}", f"{attribute}_opacity": opacity}


def line_attributes(color: str, width: float, dash: str = "solid") -> dict[str, object]:
    """The attributes of a line. Raises ValueError for an unknown dash pattern."""
    if dash not in _DASHES and not _DASH.fullmatch(dash):
        raise ValueError(f"Cannot draw this as SVG: a line with the dash '{dash}'.")
    pattern = _DASHES.get(dash, dash.replace("px", "").replace(",", " "))
    look = {**color_attributes(color, "stroke"), "stroke_width": width}
    return {**look, "stroke_dasharray": pattern} if pattern else look


def marker(x: float, y: float, look: dict[str, Any]) -> str:
    """Builds a marker, filled or `-open`. Raises ValueError for an unknown symbol."""
    size, symbol = look["size"] / 2, look["symbol"]
    shape = symbol.removesuffix("-open")
    inside = {"fill": "none"} if shape != symbol else color_attributes(look["color"])
    line = look.get("line", {})
    edge = line_attributes(line["color"], line["width"]) if line.get("width") else {}
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=size, **inside, **edge)
    if shape not in _CORNERS:
        raise ValueError(f"Cannot draw this as SVG: a marker '{symbol}'.")
    points = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in _CORNERS[shape])
    return element("polygon", points=points, **inside, **edge)


def arrow(start: tuple[float, float], end: tuple[float, float], color: str, width: float) -> str:
    """Builds a straight arrow from `start` to `end`."""
    (x0, y0), (x1, y1) = start, end
    length = hypot(x1 - x0, y1 - y0) or 1.0
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    head = 2.6 + 2.4 * width
    neck = (x1 - ux * head, y1 - uy * head)
    side = head * 0.45
    points = [(x1, y1), (neck[0] - uy * side, neck[1] + ux * side)]
    points.append((neck[0] + uy * side, neck[1] - ux * side))
    line = element("line", x1=x0, y1=y0, x2=neck[0], y2=neck[1], **line_attributes(color, width))
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return line + element("polygon", points=corners, **color_attributes(color))


def text_element(note: dict[str, Any], x: float, y: float, font: dict[str, Any]) -> str:
    """Builds the text of an annotation: one or several lines, parts of them bold."""
    lines = note["text"].split("<br>")
    size = font["size"]
    step = size * _LINE_HEIGHT
    first = {
        "top": size * 0.95,
        "bottom": -step * (len(lines) - 1) - size * 0.25,
    }.get(note.get("yanchor", "middle"), size * 0.35 - step * (len(lines) - 1) / 2)
    anchor = {"left": "start", "right": "end"}.get(note.get("xanchor", "center"), "middle")
    look = {"font_size": size, **color_attributes(font["color"])}
    if note.get("textangle"):
        return _rotated_text(note, x, y, look)
    heights = [y + first + number * step for number in range(len(lines))]
    backgrounds = "".join(
        _background(note, line, anchor, x, height, size)
        for line, height in zip(lines, heights, strict=True)
        if note.get("bgcolor")
    )
    return backgrounds + "".join(
        element("text", "".join(_spans(line)), x=x, y=height, text_anchor=anchor, **look)
        for line, height in zip(lines, heights, strict=True)
    )


def _background(
    note: dict[str, Any], line: str, anchor: str, x: float, height: float, size: float
) -> str:
    """A rectangle behind a line of text, about as wide as the text, that hides lines."""
    pad = note.get("borderpad", 1)
    length = _text_width(line, size) + 2 * pad
    left = x - {"start": pad, "middle": length / 2, "end": length - pad}[anchor]
    place = {"x": left, "y": height - size - pad, "width": length, "height": size * 1.3 + 2 * pad}
    return element("rect", **place, **color_attributes(note["bgcolor"]))


def _text_width(line: str, size: float) -> float:
    """Estimates the width of a line of text in pixels."""
    return len(unescape(re.sub(r"</?b>", "", line))) * size * _LETTER


def _rotated_text(note: dict[str, Any], x: float, y: float, look: dict[str, Any]) -> str:
    """One line of rotated text, at Plotly's position.

    The anchors refer to the upright rectangle around the rotated text.
    """
    size, angle = look["font_size"], radians(note["textangle"])
    length, tall = _text_width(note["text"], size), size * _LINE_HEIGHT
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


def _value_text(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _spans(line: str) -> Iterator[str]:
    """Converts Plotly's `<b>` to `<tspan>`; everything else is text."""
    bold = False
    for part in re.split(r"(</?b>)", line):
        if part in ("<b>", "</b>"):
            bold = part == "<b>"
        elif part:
            text = escape_xml(unescape(part))
            yield f'<tspan font-weight="600">{text}</tspan>' if bold else text
