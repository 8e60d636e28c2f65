"""What is in a task's data: the balance of its labels, and how long its examples are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mtl_core.charts.theme import Palette, base_layout

LENGTHS_HEIGHT = 170
_ROW, _MOST_ROWS, _LONGEST_NAME = 44, 12, 18
_BINS = 40


def balance_figure(
    counts: Mapping[str, Mapping[str, int]], number: int, colors: Palette
) -> dict[str, Any]:
    """A pair of bars for each label: training solid, validation pale, its count at each end.

    `counts` are by split and label; `number` is the task's, which decides the colour. Of many
    labels the most frequent dozen stand.
    """
    color = colors.task(number).color
    names = list(counts["train"])[:_MOST_ROWS]
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": split,
            "y": list(range(len(names))),
            "x": [counts[split][name] for name in names],
            "text": [f"{counts[split][name]:,} {said}" for name in names],
            "textposition": "outside",
            "cliponaxis": False,
            "textfont": {"size": 12, "color": colors.muted},
            "marker": {"color": color, "opacity": opacity},
            "hovertext": [f"{escape(name)}: {counts[split][name]:,}, {split}" for name in names],
            "hoverinfo": "text",
        }
        for split, opacity, said in (("train", 1.0, "train"), ("validation", 0.4, "val."))
    ]
    most = max((counts[split][name] for split in counts for name in names), default=1)
    layout = base_layout(
        colors,
        _ROW * max(len(names), 2) + 12,
        margin={
            "l": 14 + 7 * max(map(len, map(_short, names)), default=0),
            "r": 12,
            "t": 4,
            "b": 4,
        },
        barmode="group",
        bargap=0.25,
        xaxis={"range": [0, max(most, 1) * 1.3], "visible": False},
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": [escape(_short(name)) for name in names],
            "tickfont": {"size": 13, "color": colors.ink},
            "ticklabelstandoff": 6,
            "autorange": "reversed",
            "showgrid": False,
        },
    )
    return {"data": bars, "layout": layout}


def lengths_figure(
    lengths: Sequence[int], unit: str, max_length: int | None, number: int, colors: Palette
) -> dict[str, Any]:
    """How many examples have each length, and where `max_length` cuts (None: not known)."""
    longest = max(lengths, default=1)
    shown = max(longest, max_length or 0)
    width = max(1, -(-shown // _BINS))
    bins = Counter(length // width for length in lengths)
    places = sorted(bins)
    bars = {
        "type": "bar",
        "x": [(place + 0.5) * width for place in places],
        "y": [bins[place] for place in places],
        "width": width * 0.9,
        "marker": {"color": colors.task(number).color},
        "hovertext": [_span(place, width, unit, bins[place]) for place in places],
        "hoverinfo": "text",
    }
    layout = base_layout(
        colors,
        LENGTHS_HEIGHT,
        margin={"l": 40, "r": 14, "t": 22, "b": 38},
        xaxis={"range": [0, shown * 1.04 + 1], "title": _title(f"{unit} a sentence", colors)},
        yaxis={"title": _title("sentences", colors), "nticks": 4},
        **({} if max_length is None else _limit(max_length, shown, colors)),
    )
    return {"data": [bars], "layout": layout}


def _limit(max_length: int, shown: int, colors: Palette) -> dict[str, Any]:
    """A dashed line where sentences are cut off, its words on the side that has room."""
    to_the_left = max_length > shown / 2
    return {
        "shapes": [
            {
                "type": "line",
                "xref": "x",
                "yref": "paper",
                "x0": max_length,
                "x1": max_length,
                "y0": 0,
                "y1": 1,
                "line": {"color": colors.ink, "width": 1.2, "dash": "dash"},
            }
        ],
        "annotations": [
            {
                "text": f"cut off at {max_length:,}",
                "x": max_length,
                "xanchor": "right" if to_the_left else "left",
                "xshift": -4 if to_the_left else 4,
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "showarrow": False,
                "font": {"size": 12, "color": colors.ink},
            }
        ],
    }


def _span(place: int, width: int, unit: str, count: int) -> str:
    low, high = place * width, (place + 1) * width - 1
    return f"{count:,} of {low if low == high else f'{low} to {high}'} {unit}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _title(text: str, colors: Palette) -> dict[str, Any]:
    return {"text": text, "font": {"size": 12, "color": colors.muted}}
