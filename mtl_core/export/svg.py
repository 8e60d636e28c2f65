"""Renders the figures of `charts` as SVG, without a browser, for print and for documents.

Supports what `charts` uses: lines, areas, markers, horizontal bars, rectangles, arrows and text on
linear axes. Raises ValueError for anything else, so that no part of a figure is silently missing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from math import isfinite
from textwrap import wrap
from typing import Any
from zlib import crc32

from mtl_core.charts.labels import round_steps
from mtl_core.charts.theme import Figure, Palette
from mtl_core.export.svg_elements import (
    FONT,
    arrow,
    color_attributes,
    element,
    escape_xml,
    line_attributes,
    marker,
    text_element,
)

_EDGE = 14
_LETTER, _SMALL_LETTER = 7.9, 6.1  # pixels of an average letter at sizes 15 and 12

# The keys that are drawn, and those that only matter for a pointer or on a page.
_POINTER_KEYS = {
    *("name", "hoverinfo", "hovertemplate", "hovertext", "hoverlabel", "hovermode", "customdata"),
    *("uirevision", "showlegend", "dragmode", "text", "selected", "unselected"),
}
_LAYOUT_KEYS = {"height", "margin", "font", "xaxis", "yaxis", "shapes", "annotations"}
_LAYOUT_KEYS |= {"paper_bgcolor", "plot_bgcolor", *_POINTER_KEYS}  # always transparent
_LAYOUT_KEYS |= {"barmode", "template"}  # bars overlap; figures set their own colours
_AXIS_KEYS = {
    *("range", "visible", "title", "tickfont", "tickvals", "ticktext", "tickformat", "nticks"),
    *("dtick", "showgrid", "gridcolor", "showline", "linecolor", "ticks", "ticklen", "tickcolor"),
    *("fixedrange", "zeroline", "showspikes", "unifiedhovertitle"),
}
_SCATTER_KEYS = {"type", "mode", "x", "y", "line", "marker", "opacity", "cliponaxis", "fill"}
_SCATTER_KEYS |= {"fillcolor", "error_y", *_POINTER_KEYS}
_BAR_KEYS = {"type", "orientation", "x", "y", "base", "width", "marker", *_POINTER_KEYS}
_MARKER_KEYS = {"symbol", "size", "color", "opacity", "line"}
_LINE_KEYS = {"color", "width", "dash"}
_ERROR_KEYS = {"type", "symmetric", "array", "arrayminus", "color", "thickness", "width"}
_SHAPE_KEYS = {"type", "x0", "x1", "y0", "y1", "xref", "yref", "fillcolor", "line", "layer"}
_ANNOTATION_KEYS = {
    *("text", "font", "x", "y", "xref", "yref", "xanchor", "yanchor", "xshift", "yshift"),
    *("textangle", "showarrow", "ax", "ay", "axref", "ayref", "arrowcolor", "arrowwidth"),
    *("arrowhead", "arrowsize", "standoff", "align", "name"),
    *("bgcolor", "borderpad"),
}
_MODES = {"lines", "markers"}


@dataclass(frozen=True, slots=True)
class PlotArea:
    """Converts axis values to pixels from the top left of the figure."""

    left: float
    right: float
    top: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    @classmethod
    def of(cls, layout: dict[str, Any], width: int) -> "PlotArea":
        """The area inside the margins of a layout."""
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
    def rectangle(self) -> dict[str, float]:
        """The area as attributes of a `<rect>`."""
        size = {"width": self.right - self.left, "height": self.bottom - self.top}
        return {"x": self.left, "y": self.top, **size}

    def x(self, value: float) -> float:
        """Converts a value on the x axis."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Converts a value on the y axis."""
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)

    def paper_x(self, share: float) -> float:
        """Converts a share of the area's width."""
        return self.left + share * (self.right - self.left)

    def paper_y(self, share: float) -> float:
        """Converts a share of the area's height, from the bottom."""
        return self.bottom - share * (self.bottom - self.top)


def svg_of(figure: Figure, name: str, width: int = 640) -> str:
    """Renders an `<svg>` element. `name` is its accessible name, from which ids are derived."""
    height = int(figure["layout"]["height"])
    return _svg("".join(_elements(figure, width, name)), width, height, name)


def svg_file(figure: Figure, title: str, facts: str, colors: Palette, width: int = 880) -> str:
    """Renders an SVG file: title and facts above the figure, on the theme's background."""
    heading, top = _heading(title, facts, colors, width)
    height = int(figure["layout"]["height"]) + top + _EDGE
    background = element("rect", width=width, height=height, fill=colors.background)
    content = "".join(_elements(figure, width - 2 * _EDGE, title))
    moved = element("g", content, transform=f"translate({_EDGE} {top})")
    return f"{_svg(background + heading + moved, width, height, title)}\n"


def tick_label(value: float, tick_format: str = "") -> str:
    """The text of a tick: `2,000`, `0.05`, or as Plotly's `tickformat` defines it.

    Raises ValueError for an unknown format.
    """
    if found := re.fullmatch(r"\.(\d)f", tick_format):
        return f"{value:.{found[1]}f}"
    if tick_format not in ("", "~g", ",d"):
        raise ValueError(f"Cannot draw this as SVG: ticks as '{tick_format}'.")
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.6g}'):g}"


def refuse_unknown(figure: Mapping[str, Any]) -> None:
    """Raises ValueError, naming the part and the key, if a figure has parts that are not drawn."""
    problems = list(_unknown_parts(figure))
    if problems:
        raise ValueError(f"Cannot draw this as SVG: {'; '.join(problems)}.")


def _heading(title: str, facts: str, colors: Palette, width: int) -> tuple[str, int]:
    """Title and facts, wrapped to the width, and the top of the figure below them."""
    room, lines, y = width - 2 * _EDGE, [], 6
    for text, size, letter, ink, weight in (
        (title, 15, _LETTER, colors.ink, 600),
        (facts, 12, _SMALL_LETTER, colors.muted, 400),
    ):
        for line in wrap(text, int(room / letter)):
            y += round(size * 1.3)
            look = {"font_size": size, "fill": ink, "font_weight": weight}
            lines.append(element("text", escape_xml(line), x=_EDGE, y=y, **look))
    return "".join(lines), y + _EDGE


def _svg(content: str, width: int, height: int, name: str) -> str:
    return element(
        "svg",
        f"<title>{escape_xml(name)}</title>{content}",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        font_family=FONT,
    )


def _elements(figure: Figure, width: int, name: str) -> Iterator[str]:
    refuse_unknown(figure)
    layout = figure["layout"]
    area = PlotArea.of(layout, width)
    clip = f"clip-{crc32(name.encode(errors='replace')):x}"
    shapes = layout.get("shapes", ())
    yield element("clipPath", element("rect", **area.rectangle), id=clip)
    yield from (_shape(each, area) for each in shapes if each.get("layer") == "below")
    yield from _axes(layout, area)
    for trace in figure["data"]:
        yield from _bars(trace, area) if trace["type"] == "bar" else _scatter(trace, area, clip)
    yield from (_shape(each, area) for each in shapes if each.get("layer") != "below")
    for each in layout.get("annotations", ()):
        yield _annotation(each, layout, area)


def _axes(layout: Figure, area: PlotArea) -> Iterator[str]:
    x_axis, y_axis = layout["xaxis"], layout["yaxis"]
    if y_axis.get("visible", True):
        for value, text in _ticks(y_axis, 5):
            y = area.y(value)
            if y_axis.get("showgrid", True):
                grid = line_attributes(y_axis["gridcolor"], 1)
                yield element("line", x1=area.left, x2=area.right, y1=y, y2=y, **grid)
            yield _axis_text(area.left - 6, y + 4, "end", text, y_axis)
    if not x_axis.get("visible", True):
        return
    line = line_attributes(x_axis["linecolor"], 1)
    bottom = area.bottom
    yield element("line", x1=area.left, x2=area.right, y1=bottom, y2=bottom, **line)
    for value, text in _ticks(x_axis, 7):
        x = area.x(value)
        yield element("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, **line)
        yield _axis_text(x, bottom + 17, "middle", text, x_axis)
    title = x_axis["title"]
    if title.get("text"):
        middle = (area.left + area.right) / 2
        yield _axis_text(middle, bottom + 33, "middle", title["text"], x_axis)


def _ticks(axis: dict[str, Any], most: int) -> list[tuple[float, str]]:
    """Values and texts of the ticks: those of the axis, else round numbers."""
    low, high = axis["range"]
    if "tickvals" in axis:
        values = axis["tickvals"]
        texts = axis.get("ticktext") or [tick_label(each) for each in values]
        return [
            (each, unescape(text))
            for each, text in zip(values, texts, strict=True)
            if low <= each <= high
        ]
    low, high = sorted((low, high))
    values = round_steps(low, high, axis.get("nticks", most), axis.get("dtick"))
    return [(each, tick_label(each, axis.get("tickformat", ""))) for each in values]


def _axis_text(x: float, y: float, anchor: str, text: str, axis: dict[str, Any]) -> str:
    font = axis["tickfont"]
    look = {"text_anchor": anchor, "font_size": font["size"], "fill": font["color"]}
    return element("text", escape_xml(text), x=x, y=y, **look)


def _scatter(trace: dict[str, Any], area: PlotArea, clip: str) -> Iterator[str]:
    points = [
        (area.x(x), area.y(y)) for x, y in zip(trace["x"], trace["y"], strict=True) if isfinite(y)
    ]
    clipped = {} if trace.get("cliponaxis") is False else {"clip_path": f"url(#{clip})"}
    look = {"opacity": trace.get("opacity", 1), "stroke_linejoin": "round", **clipped}
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    if points and trace.get("fill") == "toself":
        yield element("polygon", points=corners, **look, **color_attributes(trace["fillcolor"]))
    line = trace.get("line", {})
    if points and "lines" in trace["mode"] and line.get("width"):
        edge = line_attributes(line["color"], line["width"], line.get("dash", "solid"))
        yield element("polyline", points=corners, fill="none", **look, **edge)
    yield from _error_bars(trace, area)
    if "markers" in trace["mode"] and trace["marker"].get("opacity", 1):
        yield from (marker(x, y, trace["marker"]) for x, y in points)


def _error_bars(trace: dict[str, Any], area: PlotArea) -> Iterator[str]:
    """A vertical line through each point, without end caps."""
    errors = trace.get("error_y")
    if errors is None:
        return
    above = errors["array"]
    below = errors.get("arrayminus", above)
    for x, y, up, down in zip(trace["x"], trace["y"], above, below, strict=True):
        ends = {"x1": area.x(x), "x2": area.x(x), "y1": area.y(y + up), "y2": area.y(y - down)}
        yield element("line", **ends, **line_attributes(errors["color"], errors["thickness"]))


def _bars(trace: dict[str, Any], area: PlotArea) -> Iterator[str]:
    look = trace["marker"]
    spans: Sequence[tuple[float, float, float, float]] = list(
        zip(trace["base"], trace["x"], trace["y"], trace["width"], strict=True)
    )
    for left, length, middle, thickness in spans:
        ends = area.y(middle - thickness / 2), area.y(middle + thickness / 2)
        yield element(
            "rect",
            x=area.x(left),
            y=min(ends),
            width=area.x(left + length) - area.x(left),
            height=abs(ends[1] - ends[0]),
            **color_attributes(look["color"]),
            **line_attributes(look["line"]["color"], look["line"]["width"]),
        )


def _shape(shape: dict[str, Any], area: PlotArea) -> str:
    on_paper = shape.get("yref") == "paper"
    x0, x1 = area.x(shape["x0"]), area.x(shape["x1"])
    ends = [(area.paper_y if on_paper else area.y)(shape[key]) for key in ("y0", "y1")]
    line = shape.get("line", {})
    has_line = bool(line.get("color"))
    edge = line_attributes(line["color"], line["width"], line["dash"]) if has_line else {}
    return element(
        "rect",
        x=min(x0, x1),
        y=min(ends),
        width=abs(x1 - x0),
        height=abs(ends[1] - ends[0]),
        **color_attributes(shape.get("fillcolor", "none")),
        **edge,
    )


def _annotation(note: dict[str, Any], layout: Figure, area: PlotArea) -> str:
    x = area.paper_x(note["x"]) if note.get("xref") == "paper" else area.x(note["x"])
    y = area.paper_y(note["y"]) if note.get("yref") == "paper" else area.y(note["y"])
    if note.get("showarrow"):
        start = area.x(note["ax"]), area.y(note["ay"])
        return arrow(start, (x, y), note["arrowcolor"], note["arrowwidth"])
    font = {**layout["font"], **note.get("font", {})}
    return text_element(note, x + note.get("xshift", 0), y - note.get("yshift", 0), font)


def _unknown_parts(figure: Mapping[str, Any]) -> Iterator[str]:
    layout = figure["layout"]
    yield from _unknown_keys("layout", layout, _LAYOUT_KEYS)
    for axis in ("xaxis", "yaxis"):
        yield from _unknown_keys(axis, layout.get(axis, {}), _AXIS_KEYS)
    for trace in figure["data"]:
        yield from _unknown_in_trace(trace)
    for shape in layout.get("shapes", ()):
        yield from _unknown_keys("shape", shape, _SHAPE_KEYS)
        if shape.get("type", "rect") != "rect":
            yield f"a shape of type '{shape['type']}'"
    for note in layout.get("annotations", ()):
        yield from _unknown_keys("annotation", note, _ANNOTATION_KEYS)
        if note.get("textangle") and note.get("bgcolor"):
            yield "rotated text with a background"


def _unknown_in_trace(trace: Mapping[str, Any]) -> Iterator[str]:
    kind = trace["type"]
    if kind not in ("scatter", "bar"):
        yield f"a trace of type '{kind}'"
        return
    what = f"{kind} '{trace.get('name', '')}'"
    yield from _unknown_keys(what, trace, _SCATTER_KEYS if kind == "scatter" else _BAR_KEYS)
    yield from _unknown_keys(f"marker of {what}", trace.get("marker", {}), _MARKER_KEYS)
    yield from _unknown_keys(f"line of {what}", trace.get("line", {}), _LINE_KEYS)
    if kind == "bar":
        if trace.get("orientation") != "h":
            yield f"vertical bars of {what}"
        return
    yield from _unknown_keys(f"error bars of {what}", trace.get("error_y", {}), _ERROR_KEYS)
    if not set(trace["mode"].split("+")) <= _MODES:
        yield f"mode '{trace['mode']}' of {what}"
    if trace.get("fill", "none") not in ("none", "toself"):
        yield f"fill '{trace['fill']}' of {what}"


def _unknown_keys(what: str, part: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for key in sorted(set(part) - known):
        yield f"'{key}' of {what}"
