"""What a figure may hold to be drawn as SVG here. Anything else is refused, never left out.

Each kind of part has the keys that are drawn, and those that only a page with a pointer needs.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_POINTER = {
    *("name", "hoverinfo", "hovertemplate", "hovertext", "hoverlabel", "hovermode", "customdata"),
    *("uirevision", "showlegend", "dragmode", "text", "selected", "unselected"),
}
_LAYOUT = {"height", "margin", "font", "xaxis", "yaxis", "shapes", "annotations"}
_LAYOUT |= {"paper_bgcolor", "plot_bgcolor", *_POINTER}  # transparent: the ground is the page's
_LAYOUT |= {"barmode", "template"}  # bars lie over one another; a figure names its own colours
_AXIS = {
    *("range", "visible", "title", "tickfont", "tickvals", "ticktext", "tickformat", "nticks"),
    *("dtick", "showgrid", "gridcolor", "showline", "linecolor", "ticks", "ticklen", "tickcolor"),
    *("fixedrange", "zeroline", "showspikes", "unifiedhovertitle"),
}
_SCATTER = {"type", "mode", "x", "y", "line", "marker", "opacity", "cliponaxis", "fill"}
_SCATTER |= {"fillcolor", "error_y", *_POINTER}
_BAR = {"type", "orientation", "x", "y", "base", "width", "marker", *_POINTER}
_MARKER = {"symbol", "size", "color", "opacity", "line"}
_LINE = {"color", "width", "dash"}
_ERRORS = {"type", "symmetric", "array", "arrayminus", "color", "thickness", "width"}
_SHAPE = {"type", "x0", "x1", "y0", "y1", "xref", "yref", "fillcolor", "line", "layer"}
_ANNOTATION = {
    *("text", "font", "x", "y", "xref", "yref", "xanchor", "yanchor", "xshift", "yshift"),
    *("textangle", "showarrow", "ax", "ay", "axref", "ayref", "arrowcolor", "arrowwidth"),
    *("arrowhead", "arrowsize", "standoff", "align", "name"),
    *("bgcolor", "borderpad"),
}
_MODES = {"lines", "markers"}


def refuse_unknown(figure: Mapping[str, Any]) -> None:
    """Raises ValueError, which names the part and the key, for a figure that holds anything that
    would not be drawn as Plotly draws it."""
    problems = list(_unknown(figure))
    if problems:
        raise ValueError(f"Cannot be drawn as SVG here: {'; '.join(problems)}.")


def _unknown(figure: Mapping[str, Any]) -> Iterator[str]:
    layout = figure["layout"]
    yield from _beyond("layout", layout, _LAYOUT)
    for axis in ("xaxis", "yaxis"):
        yield from _beyond(axis, layout.get(axis, {}), _AXIS)
    for trace in figure["data"]:
        yield from _of_trace(trace)
    for shape in layout.get("shapes", ()):
        yield from _beyond("shape", shape, _SHAPE)
        if shape.get("type", "rect") != "rect":
            yield f"a shape of type '{shape['type']}'"
    for note in layout.get("annotations", ()):
        yield from _beyond("annotation", note, _ANNOTATION)
        if note.get("textangle") and note.get("bgcolor"):
            yield "turned text on a ground"


def _of_trace(trace: Mapping[str, Any]) -> Iterator[str]:
    kind = trace["type"]
    if kind not in ("scatter", "bar"):
        yield f"a trace of kind '{kind}'"
        return
    what = f"{kind} '{trace.get('name', '')}'"
    yield from _beyond(what, trace, _SCATTER if kind == "scatter" else _BAR)
    yield from _beyond(f"marker of {what}", trace.get("marker", {}), _MARKER)
    yield from _beyond(f"line of {what}", trace.get("line", {}), _LINE)
    if kind == "bar":
        if trace.get("orientation") != "h":
            yield f"upright bars of {what}"
        return
    yield from _beyond(f"error bars of {what}", trace.get("error_y", {}), _ERRORS)
    if not set(trace["mode"].split("+")) <= _MODES:
        yield f"mode '{trace['mode']}' of {what}"
    if trace.get("fill", "none") not in ("none", "toself"):
        yield f"fill '{trace['fill']}' of {what}"


def _beyond(what: str, part: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for key in sorted(set(part) - known):
        yield f"'{key}' of {what}"
