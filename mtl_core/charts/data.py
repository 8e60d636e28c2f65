"""A task's data: the number of examples by label, and by length."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mtl_core.charts.labels import truncate
from mtl_core.charts.theme import Figure, Palette, axis_title, base_layout

LENGTHS_HEIGHT = 170
_BAR, _GAP, _MOST_ROWS, _NAME_LIMIT = 16, 12, 12, 18
_BINS = 40
_SPLITS = (("train", 1.0, "train"), ("validation", 0.6, "val."), ("test", 0.35, "test"))


def balance_figure(counts: Mapping[str, Mapping[str, int]], number: int, colors: Palette) -> Figure:
    """Builds a bar per label and split, training solid and the others paler, with their counts.

    `counts` are by split and label. `number` is the task's number, which sets the colour. Shows
    the 12 most frequent labels.
    """
    color = colors.task(number).color
    names = list(counts["train"])[:_MOST_ROWS]
    short_names = [truncate(name, _NAME_LIMIT) for name in names]
    bars = [
        {
            "type": "bar",
            "orientation": "h",
            "name": split,
            "y": list(range(len(names))),
            "x": [counts[split][name] for name in names],
            "text": [f"{counts[split][name]:,} {abbreviation}" for name in names],
            "textposition": "outside",
            "cliponaxis": False,
            "textfont": {"size": 12, "color": colors.muted},
            "marker": {"color": color, "opacity": opacity},
            "hovertext": [f"{escape(name)}: {counts[split][name]:,}, {split}" for name in names],
            "hoverinfo": "text",
        }
        for split, opacity, abbreviation in _SPLITS
        if split in counts
    ]
    most = max((counts[split][name] for split in counts for name in names), default=1)
    layout = base_layout(
        colors,
        (_BAR * len(bars) + _GAP) * max(len(names), 2) + 12,
        margin={
            "l": 14 + 7 * max(map(len, short_names), default=0),
            "r": 12,
            "t": 4,
            "b": 4,
        },
        barmode="group",
        bargap=0.25,
        xaxis={"range": [0, max(most, 1) * 1.3], "visible": False},
        yaxis={
            "tickvals": list(range(len(names))),
            "ticktext": list(map(escape, short_names)),
            "tickfont": {"size": 13, "color": colors.ink},
            "ticklabelstandoff": 6,
            "autorange": "reversed",
            "showgrid": False,
        },
    )
    return {"data": bars, "layout": layout}


def lengths_figure(
    lengths: Sequence[int], unit: str, max_length: int | None, number: int, colors: Palette
) -> Figure:
    """Builds the histogram of lengths, with a line at `max_length` (None: no line)."""
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
        "hovertext": [_bin_hover(place, width, unit, bins[place]) for place in places],
        "hoverinfo": "text",
    }
    layout = base_layout(
        colors,
        LENGTHS_HEIGHT,
        margin={"l": 40, "r": 14, "t": 22, "b": 38},
        xaxis={"range": [0, shown * 1.04 + 1], "title": axis_title(f"{unit} per sentence", colors)},
        yaxis={"title": axis_title("sentences", colors), "nticks": 4},
        **({} if max_length is None else _limit(max_length, shown, colors)),
    )
    return {"data": [bars], "layout": layout}


def _limit(max_length: int, shown: int, colors: Palette) -> dict[str, Any]:
    """A dashed line at the maximum length, labelled on the side with more room."""
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
                "text": f"limit {max_length:,}",
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


def _bin_hover(place: int, width: int, unit: str, count: int) -> str:
    low, high = place * width, (place + 1) * width - 1
    return f"{count:,} of {low if low == high else f'{low} to {high}'} {unit}"
