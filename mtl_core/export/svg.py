"""A Plotly figure of this product as SVG, drawn here: without a browser, to be printed or pasted.

Knows what `charts` uses and no more: lines, areas, markers, horizontal bars, rectangles, arrows and
text on linear axes. Anything else raises ValueError (`svg_known`): nothing is left out silently.
"""

from collections.abc import Iterator, Sequence
from html import unescape
from math import isfinite
from textwrap import wrap
from typing import Any
from zlib import crc32

from mtl_core.charts.theme import Figure, Palette
from mtl_core.export.svg_known import refuse_unknown
from mtl_core.export.svg_parts import (
    FONT,
    Place,
    arrow,
    element,
    marker,
    paint,
    said,
    stroke,
    tick_label,
    ticks,
    written,
)

_EDGE = 14
_LETTER, _SMALL_LETTER = 7.9, 6.1  # pixels of an average letter at sizes 15 and 12


def svg_of(figure: Figure, name: str, width: int = 640) -> str:
    """An `<svg>` element. `name` is what a screen reader says; it also makes ids its own."""
    height = int(figure["layout"]["height"])
    inside = "".join(_drawn(figure, width, name))
    return _svg(inside, width, height, name)


def svg_file(figure: Figure, title: str, facts: str, colors: Palette, width: int = 880) -> str:
    """A whole SVG file: the figure on the theme's ground, under its title and its facts."""
    heading, top = _heading(title, facts, colors, width)
    height = int(figure["layout"]["height"]) + top + _EDGE
    ground = element("rect", width=width, height=height, fill=colors.background)
    inside = "".join(_drawn(figure, width - 2 * _EDGE, title))
    moved = element("g", inside, transform=f"translate({_EDGE} {top})")
    return f"{_svg(ground + heading + moved, width, height, title)}\n"


def _heading(title: str, facts: str, colors: Palette, width: int) -> tuple[str, int]:
    """Title and facts in as many lines as they need, and where the figure below begins."""
    room, drawn, y = width - 2 * _EDGE, [], 6
    for text, size, letter, ink, weight in (
        (title, 15, _LETTER, colors.ink, 600),
        (facts, 12, _SMALL_LETTER, colors.muted, 400),
    ):
        for line in wrap(text, int(room / letter)):
            y += round(size * 1.3)
            look = {"font_size": size, "fill": ink, "font_weight": weight}
            drawn.append(element("text", said(line), x=_EDGE, y=y, **look))
    return "".join(drawn), y + _EDGE


def _svg(inside: str, width: int, height: int, name: str) -> str:
    return element(
        "svg",
        f"<title>{said(name)}</title>{inside}",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        font_family=FONT,
    )


def _drawn(figure: Figure, width: int, name: str) -> Iterator[str]:
    refuse_unknown(figure)
    layout = figure["layout"]
    place = Place.of(layout, width)
    clip = f"clip-{crc32(name.encode(errors='replace')):x}"
    yield element("clipPath", element("rect", **place.box), id=clip)
    yield from (_shape(each, place) for each in layout.get("shapes", ()) if _is_below(each))
    yield from _axes(layout, place)
    for trace in figure["data"]:
        yield from _trace(trace, place, clip)
    yield from (_shape(each, place) for each in layout.get("shapes", ()) if not _is_below(each))
    for each in layout.get("annotations", ()):
        yield from _annotation(each, layout, place)


def _is_below(shape: dict[str, Any]) -> bool:
    return shape.get("layer") == "below"


def _axes(layout: Figure, place: Place) -> Iterator[str]:
    across, up = layout["xaxis"], layout["yaxis"]
    if up.get("visible", True):
        for value, text in _ticks(up, 5):
            y = place.y(value)
            if up.get("showgrid", True):
                grid = stroke(up["gridcolor"], 1)
                yield element("line", x1=place.left, x2=place.right, y1=y, y2=y, **grid)
            yield _number(place.left - 6, y + 4, "end", text, up)
    if not across.get("visible", True):
        return
    line = stroke(across["linecolor"], 1)
    bottom = place.bottom
    yield element("line", x1=place.left, x2=place.right, y1=bottom, y2=bottom, **line)
    for value, text in _ticks(across, 7):
        x = place.x(value)
        yield element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, **line)
        yield _number(x, bottom + 17, "middle", text, across)
    title = across["title"]
    if title.get("text"):
        middle = (place.left + place.right) / 2
        yield _number(middle, bottom + 33, "middle", title["text"], across)


def _ticks(axis: dict[str, Any], most: int) -> list[tuple[float, str]]:
    """Where ticks stand, with their text: those that the axis names, else round numbers."""
    low, high = axis["range"]
    if "tickvals" in axis:
        values = axis["tickvals"]
        texts = axis.get("ticktext") or [tick_label(each) for each in values]
        return [
            (each, unescape(text))
            for each, text in zip(values, texts, strict=True)
            if low <= each <= high
        ]
    form = axis.get("tickformat", "")
    found = ticks((low, high), axis.get("nticks", most), axis.get("dtick"))
    return [(each, tick_label(each, form)) for each in found]


def _number(x: float, y: float, anchor: str, text: str, axis: dict[str, Any]) -> str:
    font = axis["tickfont"]
    return element(
        "text",
        said(text),
        x=x,
        y=y,
        text_anchor=anchor,
        font_size=font["size"],
        fill=font["color"],
    )


def _trace(trace: dict[str, Any], place: Place, clip: str) -> Iterator[str]:
    yield from _bars(trace, place) if trace["type"] == "bar" else _scatter(trace, place, clip)


def _scatter(trace: dict[str, Any], place: Place, clip: str) -> Iterator[str]:
    points = [
        (place.x(x), place.y(y)) for x, y in zip(trace["x"], trace["y"], strict=True) if isfinite(y)
    ]
    clipped = {} if trace.get("cliponaxis") is False else {"clip_path": f"url(#{clip})"}
    look = {"opacity": trace.get("opacity", 1), "stroke_linejoin": "round", **clipped}
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    if points and trace.get("fill") == "toself":
        yield element("polygon", points=corners, **look, **paint(trace["fillcolor"]))
    line = trace.get("line", {})
    if points and "lines" in trace["mode"] and line.get("width"):
        edge = stroke(line["color"], line["width"], line.get("dash", "solid"))
        yield element("polyline", points=corners, fill="none", **look, **edge)
    yield from _error_bars(trace, place)
    if "markers" in trace["mode"] and trace["marker"].get("opacity", 1):
        yield from (marker(x, y, trace["marker"]) for x, y in points)


def _error_bars(trace: dict[str, Any], place: Place) -> Iterator[str]:
    """An upright line through each point, without a foot."""
    errors = trace.get("error_y")
    if errors is None:
        return
    above = errors["array"]
    below = errors.get("arrayminus", above)
    for x, y, up, down in zip(trace["x"], trace["y"], above, below, strict=True):
        ends = {"x1": place.x(x), "x2": place.x(x), "y1": place.y(y + up), "y2": place.y(y - down)}
        yield element("line", **ends, **stroke(errors["color"], errors["thickness"]))


def _bars(trace: dict[str, Any], place: Place) -> Iterator[str]:
    look = trace["marker"]
    spans: Sequence[tuple[float, float, float, float]] = list(
        zip(trace["base"], trace["x"], trace["y"], trace["width"], strict=True)
    )
    for left, length, middle, thickness in spans:
        ends = place.y(middle - thickness / 2), place.y(middle + thickness / 2)
        yield element(
            "rect",
            x=place.x(left),
            y=min(ends),
            width=place.x(left + length) - place.x(left),
            height=abs(ends[1] - ends[0]),
            **paint(look["color"]),
            **stroke(look["line"]["color"], look["line"]["width"]),
        )


def _shape(shape: dict[str, Any], place: Place) -> str:
    on_paper = shape.get("yref") == "paper"
    x0, x1 = place.x(shape["x0"]), place.x(shape["x1"])
    ends = [(place.paper_y if on_paper else place.y)(shape[key]) for key in ("y0", "y1")]
    line = shape.get("line", {})
    edge = stroke(line["color"], line["width"], line["dash"]) if line.get("color") else {}
    return element(
        "rect",
        x=min(x0, x1),
        y=min(ends),
        width=abs(x1 - x0),
        height=abs(ends[1] - ends[0]),
        **paint(shape.get("fillcolor", "none")),
        **edge,
    )


def _annotation(note: dict[str, Any], layout: Figure, place: Place) -> Iterator[str]:
    x = place.paper_x(note["x"]) if note.get("xref") == "paper" else place.x(note["x"])
    y = place.paper_y(note["y"]) if note.get("yref") == "paper" else place.y(note["y"])
    if note.get("showarrow"):
        start = place.x(note["ax"]), place.y(note["ay"])
        yield arrow(start, (x, y), note["arrowcolor"], note["arrowwidth"])
        return
    font = {**layout["font"], **note.get("font", {})}
    yield written(note, x + note.get("xshift", 0), y - note.get("yshift", 0), font)
