"""Similarity of each layer's outputs to those before training: one line per plan."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtl_core.analysis.inside import Spread
from mtl_core.charts.labels import (
    EndLabel,
    end_label_margin,
    end_labels,
    escape_markup,
    truncate,
)
from mtl_core.charts.theme import Figure, Palette, axis_title, base_layout

HEIGHT = 290
_MARGIN = {"l": 40, "t": 10, "b": 40}
_NAME_LIMIT = 22
_Y_RANGE = (0.0, 1.05)


def similarity_figure(
    plans: Mapping[str, Mapping[int, Spread]], highlighted: str | None, colors: Palette
) -> Figure:
    """Builds the figure from linear CKA by plan label and layer number.

    The plan `highlighted` is drawn in ink, the others in grey. Error bars go from the lowest to
    the highest seed. The label at the end of a line is the similarity of the top layer.
    """
    order = sorted(plans, key=lambda label: label == highlighted)
    layers = sorted({layer for each in plans.values() for layer in each})
    ends = [
        _end_label(label, plans[label], label == highlighted, colors)
        for label in order
        if plans[label]
    ]
    layout = base_layout(
        colors,
        HEIGHT,
        margin={**_MARGIN, "r": end_label_margin(ends)},
        hovermode="closest",
        annotations=end_labels(ends, _Y_RANGE, HEIGHT - _MARGIN["t"] - _MARGIN["b"]),
        xaxis={
            "range": [layers[0] - 0.1, layers[-1] + 0.1] if layers else [0, 1],
            "tickvals": _ticks(layers),
            "title": axis_title("layer (lowest on the left)", colors),
        },
        yaxis={"range": list(_Y_RANGE), "tickvals": [0, 0.25, 0.5, 0.75, 1]},
    )
    return {
        "data": [_line(label, plans[label], label == highlighted, colors) for label in order],
        "layout": layout,
    }


def _ticks(layers: Sequence[int]) -> Sequence[int]:
    """Up to 12 layers at equal distances, including the top one."""
    every = -(-len(layers) // 12)
    return layers[::-1][:: every or 1][::-1]


def _end_label(
    label: str, by_layer: Mapping[int, Spread], highlighted: bool, colors: Palette
) -> EndLabel:
    top = by_layer[max(by_layer)].mean
    color = colors.ink if highlighted else colors.muted
    return EndLabel(f"{truncate(label, _NAME_LIMIT)} {top:.2f}", top, color, highlighted)


def _line(
    label: str, by_layer: Mapping[int, Spread], highlighted: bool, colors: Palette
) -> dict[str, Any]:
    color = colors.ink if highlighted else colors.context
    spreads = list(by_layer.values())
    name = escape_markup(label)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": list(by_layer),
        "y": [each.mean for each in spreads],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [each.high - each.mean for each in spreads],
            "arrayminus": [each.mean - each.low for each in spreads],
            "color": color,
            "thickness": 1.2,
            "width": 0,
        },
        "line": {"color": color, "width": 2.4 if highlighted else 1.3},
        "marker": {
            "symbol": "circle",
            "size": 6 if highlighted else 4,
            "color": color,
            "line": {"width": 0, "color": color},
        },
        "hovertemplate": f"<b>{name}</b>, layer %{{x}}: similarity %{{y:.3f}}<extra></extra>",
        "cliponaxis": False,
    }
