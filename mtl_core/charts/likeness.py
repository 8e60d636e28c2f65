"""How alike each layer's outputs are to those before training: one line a plan, up the stack."""

from collections.abc import Mapping
from typing import Any

from mtl_core.analysis.inside import Spread
from mtl_core.charts.labels import LETTER_PIXELS, EndLabel, as_text, cut, end_labels
from mtl_core.charts.loss import Figure
from mtl_core.charts.theme import Palette, base_layout

HEIGHT = 290
_MARGIN = {"l": 40, "t": 10, "b": 40}
_LONGEST = 18
_Y_RANGE = (0.0, 1.05)


def likeness_figure(
    plans: Mapping[str, Mapping[int, Spread]], in_ink: str | None, colors: Palette
) -> Figure:
    """A Plotly figure as plain values. `plans` are linear CKA by layer; the plan `in_ink` is drawn
    strong, the others grey. A bar is the lowest to the highest seed; what stands where a line ends
    is the top layer's likeness."""
    order = sorted(plans, key=lambda label: label == in_ink)
    layers = sorted({layer for each in plans.values() for layer in each})
    ends = [_end(label, plans[label], label == in_ink, colors) for label in order if plans[label]]
    widest = max((len(each.text) for each in ends), default=0)
    layout = base_layout(
        colors,
        HEIGHT,
        margin={**_MARGIN, "r": round(16 + LETTER_PIXELS * widest)},
        hovermode="closest",
        annotations=end_labels(ends, _Y_RANGE, HEIGHT - _MARGIN["t"] - _MARGIN["b"]),
        xaxis={
            "range": [layers[0] - 0.1, layers[-1] + 0.1] if layers else [0, 1],
            "tickvals": _ticks(layers),
            "title": {
                "text": "layer, the lowest at the left",
                "font": {"size": 12, "color": colors.muted},
            },
        },
        yaxis={"range": list(_Y_RANGE), "tickvals": [0, 0.25, 0.5, 0.75, 1]},
    )
    return {
        "data": [_line(label, plans[label], label == in_ink, colors) for label in order],
        "layout": layout,
    }


def _ticks(layers: list[int]) -> list[int]:
    """Every layer, or of many every second or third, the top one always."""
    every = -(-len(layers) // 12)
    return layers[::-1][:: every or 1][::-1]


def _end(label: str, by_layer: Mapping[int, Spread], strong: bool, colors: Palette) -> EndLabel:
    top = by_layer[max(by_layer)].mean
    color = colors.ink if strong else colors.muted
    return EndLabel(f"{cut(label, _LONGEST)} {top:.2f}", top, color, strong)


def _line(
    label: str, by_layer: Mapping[int, Spread], strong: bool, colors: Palette
) -> dict[str, Any]:
    color = colors.ink if strong else colors.context
    spreads = list(by_layer.values())
    name = as_text(label)
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
        "line": {"color": color, "width": 2.4 if strong else 1.3},
        "marker": {
            "symbol": "circle",
            "size": 6 if strong else 4,
            "color": color,
            "line": {"width": 0, "color": color},
        },
        "hovertemplate": f"<b>{name}</b>, layer %{{x}}: likeness %{{y:.3f}}<extra></extra>",
        "cliponaxis": False,
    }
