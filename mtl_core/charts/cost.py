"""The memory of one training step by kind, for a plan and for full fine-tuning."""

from dataclasses import dataclass

import plotly.graph_objects as go

from mtl_core.charts.theme import Palette, base_layout
from mtl_core.cost.estimate import StepCost
from mtl_core.text import megabytes

COST_HEIGHT = 70
_LEGEND = 17  # pixels below the bars
_NAMES = 70  # pixels to the left of them
_ROOM_FOR_TOTAL = 78  # pixels to the right of the longest bar, for its total
_LETTER_SHARE = 0.0105  # of the longest bar, for one letter inside a piece
_GREYS = {  # (fill, text) of weights, gradients, optimizer state and activations
    "light": (
        ("#3B4754", "#FFFFFF"),
        ("#66717F", "#FFFFFF"),
        ("#9AA4B0", "#10151B"),
        ("#CCD3DB", "#1C232B"),
    ),
    "dark": (
        ("#C9D3DF", "#10151B"),
        ("#98A4B2", "#10151B"),
        ("#707C8A", "#10151B"),
        ("#505B69", "#FFFFFF"),
    ),
}


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """One kind of memory of a training step."""

    label: str
    meaning: str
    bytes: int


def memory_parts(cost: StepCost) -> tuple[MemoryPart, ...]:
    """The four kinds of memory. Only the first is also needed for inference."""
    return (
        MemoryPart("weights", "every parameter, frozen or not", cost.weight_bytes),
        MemoryPart("gradients", "one per trainable parameter", cost.gradient_bytes),
        MemoryPart("optimizer", "two AdamW moments per parameter", cost.optimizer_bytes),
        MemoryPart("activations", "stored for the backward pass", cost.saved_activation_bytes),
    )


def memory_figure(
    cost: StepCost, full: StepCost, colors: Palette, height: int = COST_HEIGHT
) -> go.Figure:
    """Builds two bars to scale, this plan above full fine-tuning; labels are inside if they fit."""
    longest = max(cost.memory_bytes, full.memory_bytes)
    rows = ((1, "this plan", cost), (0, "full", full))
    layout = base_layout(
        colors,
        height,
        margin={"l": _NAMES, "r": _ROOM_FOR_TOTAL, "t": 1, "b": _LEGEND},
        xaxis={"range": [0, longest], "visible": False},
        yaxis={
            "range": [-0.5, 1.5],
            "showgrid": False,
            "tickvals": [row for row, _, _ in rows],
            "ticktext": [f"{name}\u2002" for _, name, _ in rows],
            "tickfont": {"size": 13, "color": colors.ink},
        },
        barmode="stack",
        bargap=0.2,
        uniformtext={"mode": "hide", "minsize": 12},
        annotations=[
            {
                "x": each.memory_bytes,
                "y": row,
                "text": f"<b>{megabytes(each.memory_bytes)}</b>",
                "showarrow": False,
                "xanchor": "left",
                "xshift": 4,
                "font": {"size": 13, "color": colors.ink},
            }
            for row, _, each in rows
        ]
        + [_legend(cost, colors)],
    )
    return go.Figure([_bar(number, rows, longest, colors) for number in range(4)], layout)


def _legend(cost: StepCost, colors: Palette) -> dict[str, object]:
    """The legend below the bars; on a phone the labels inside them do not fit."""
    keys = [
        f'<span style="color:{fill}">■</span> {part.label}'
        for part, (fill, _) in zip(memory_parts(cost), _GREYS[colors.name], strict=True)
    ]
    return {
        "text": "\u2003".join(keys),
        "showarrow": False,
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": 0,
        "yref": "paper",
        "yanchor": "top",
        "font": {"size": 12, "color": colors.muted},
    }


def _bar(
    number: int, rows: tuple[tuple[int, str, StepCost], ...], longest: float, colors: Palette
) -> go.Bar:
    """One kind of memory, in both bars."""
    parts = [(row, name, memory_parts(cost)[number]) for row, name, cost in rows]
    fill, text = _GREYS[colors.name][number]
    return go.Bar(
        name=parts[0][2].label,
        orientation="h",
        x=[part.bytes for _, _, part in parts],
        y=[row for row, _, _ in parts],
        marker={"color": fill, "line": {"color": colors.background, "width": 1}},
        text=[_inner_text(part, longest) for _, _, part in parts],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        insidetextfont={"size": 12, "color": text},
        hovertext=[
            f"<b>{part.label}, {name}</b><br>{megabytes(part.bytes)}: {part.meaning}"
            for _, name, part in parts
        ],
        hoverinfo="text",
    )


def _inner_text(part: MemoryPart, longest: float) -> str:
    text = f"{part.label} {part.bytes / 1e6:,.0f}"
    return text if len(text) * _LETTER_SHARE < part.bytes / longest else ""
