"""What a figure shows, in words and numbers, for readers who do not see it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from typing import Any

from mtl_core.charts.theme import Figure
from mtl_core.freezing.table_text import SIGNS

MOST_VALUES = 30
"""Values that are read out; a histogram has more."""

_FIELD = re.compile(r"%\{(\w+)(?::([^}]*))?\}")
_BREAK = re.compile(r"<br\s*/?>")
_MARKUP = re.compile(r"<[^>]*>")
_SIGNS = re.compile("|".join(f"{re.escape(sign)} " for sign in SIGNS.values()))

_Values = Mapping[str, Any]


def text_alternative(finding: str, figure: Figure) -> str:
    """Builds the text alternative of a figure: its finding and the values that it shows.

    `finding` is the title, or a sentence with the main number. The values are the figure's
    tooltips: all of bars and points, the first and the last one of each line. Traces without
    tooltips, such as bands and guide lines, are left out.
    """
    layout = figure["layout"]
    texts = (text for trace in figure["data"] for text in _tooltips(trace, layout))
    values = list(dict.fromkeys(texts))
    more = len(values) - MOST_VALUES
    if more > 0:
        values = [*values[:MOST_VALUES], f"and {more} more"]
    start = finding.strip().removesuffix(".")
    return f"{start}. {'; '.join(values)}." if values else start


def _tooltips(trace: _Values, layout: _Values) -> Iterator[str]:
    if trace.get("hoverinfo") == "skip":
        return
    if (texts := trace.get("hovertext")) is not None:
        yield from map(_plain, texts)
    elif template := trace.get("hovertemplate"):
        name = _plain(trace.get("name") or "")
        for place in _places(trace):
            text = _plain(_filled(template, trace, place)) + _shared_place(trace, place, layout)
            yield text if name.partition(",")[0] in text else f"{name}: {text}"


def _places(trace: _Values) -> Sequence[int]:
    """The points that are read out; a line may have thousands."""
    drawn = [n for n, (x, y) in enumerate(_points(trace)) if x is not None and y is not None]
    return drawn if trace.get("mode") == "markers" else sorted({*drawn[:1], *drawn[-1:]})


def _points(trace: _Values) -> Iterator[tuple[Any, Any]]:
    return zip(trace["x"], trace["y"], strict=True)


def _filled(template: str, trace: _Values, place: int) -> str:
    """The tooltip of one point, as Plotly builds it from the template."""

    def value(field: re.Match[str]) -> str:
        """Formats the value of one field of the template."""
        name, number_format = field.groups()
        return format(trace[name][place], (number_format or "").replace("~", ""))

    return _FIELD.sub(value, template)


def _shared_place(trace: _Values, place: int, layout: _Values) -> str:
    """` at step 40`: where all lines share a tooltip, it has the place as its title."""
    if layout.get("hovermode") != "x unified" or "%{x" in trace["hovertemplate"]:
        return ""
    return f" at {layout['xaxis']['title']['text']} {trace['x'][place]:,}"


def _plain(markup: str) -> str:
    """The text without markup and signs; the first line of a tooltip is its subject."""
    unmarked = _SIGNS.sub("", _MARKUP.sub("", _BREAK.sub("\n", markup)))
    subject, *lines = (unescape(line).strip() for line in unmarked.split("\n"))
    return f"{subject}: {', '.join(lines)}" if lines else subject
