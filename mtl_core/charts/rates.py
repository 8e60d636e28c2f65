"""Learning rates down the stack, on a logarithmic axis."""

from html import escape
from math import floor, log10

import plotly.graph_objects as go

from mtl_core.charts.theme import Palette, base_layout
from mtl_core.freezing.table import Group, ParameterTable, State
from mtl_core.freezing.table_text import rate_text
from mtl_core.models.description import Role

RATES_HEIGHT = 126
STILL = 1000
"""A tensor whose rate is this many times below the encoder's highest moves so little that the
plan might as well have frozen it. A rule of thumb for the warning, not a measurement."""

_HEADROOM = 0.24  # of the axis, above the highest rate: its label stands there

_ORDER = {Role.HEAD: 0, Role.POOLER: 1, Role.LAYER: 2, Role.BESIDE: 3, Role.EMBEDDINGS: 4}


def rates_figure(table: ParameterTable, colors: Palette, height: int = RATES_HEIGHT) -> go.Figure:
    """The highest rate of each block that learns, top of the stack at the left.

    Points carry `customdata` (group, rate). A band marks where a rate is frozen in all but name.
    """
    groups = learning_groups(table)
    style = colors.states[State.TRAINABLE]
    still = set(still_groups(table))
    figure = go.Figure()
    figure.add_scatter(
        x=list(range(len(groups))),
        y=[group.learning_rate for group in groups],
        mode="lines+markers",
        line={"color": style.color, "width": 1.4},
        marker={
            "color": [colors.background if each.name in still else style.color for each in groups],
            "line": {"color": style.color, "width": 1.6},
            "size": 8,
        },
        customdata=[[group.name, group.learning_rate] for group in groups],
        hovertext=[
            f"<b>{escape(group.name)}</b><br>learning rate {rate_text(group.learning_rate)}"
            for group in groups
        ],
        hoverinfo="text",
    )
    _write_ends(figure, groups, style.text)
    rates = [group.learning_rate for group in groups if group.learning_rate]
    low, highest = floor(log10(min(rates)) - 0.3), log10(max(rates))
    high = highest + _HEADROOM * (highest - low)
    if still:
        _mark_still(figure, table, colors, low)
    decades = list(range(low + 1, floor(high) + 1, 1 if high - low < 5 else 2))
    figure.update_layout(
        base_layout(
            colors,
            height,
            margin={"l": 40, "r": 4, "t": 4, "b": 22},
            xaxis={
                "tickvals": list(range(len(groups))),
                "ticktext": [_tick(group) for group in groups],
                "tickangle": 0,
                "range": [-0.5, len(groups) - 0.3],
            },
            yaxis={
                "type": "log",
                "range": [low, high],
                "tickvals": [10.0**decade for decade in decades],
                "ticktext": [f"1e{decade}" for decade in decades],
            },
        )
    )
    return figure


def learning_groups(table: ParameterTable) -> tuple[Group, ...]:
    """The groups in which something learns, from the top of the stack down; heads first."""
    layers = [group.name for group in table.groups if group.role is Role.LAYER]
    return tuple(
        sorted(
            (group for group in table.groups if group.learning_rate is not None),
            key=lambda group: (
                _ORDER[group.role],
                -layers.index(group.name) if group.role is Role.LAYER else 0,
            ),
        )
    )


def lowest_to_highest(table: ParameterTable) -> float:
    """How many times the encoder's lowest rate goes into its highest; 1 where nothing learns."""
    rates = [rate for _, rate in _encoder_rates(table)]
    return max(rates) / min(rates) if rates else 1.0


def still_groups(table: ParameterTable) -> tuple[str, ...]:
    """The encoder's groups whose rate is `STILL` times below its highest or more."""
    rates = _encoder_rates(table)
    highest = max((rate for _, rate in rates), default=0.0)
    return tuple(name for name, rate in rates if rate * STILL <= highest)


def _encoder_rates(table: ParameterTable) -> list[tuple[str, float]]:
    return [
        (group.name, group.learning_rate)
        for group in learning_groups(table)
        if group.role is not Role.HEAD and group.learning_rate is not None
    ]


def _write_ends(figure: go.Figure, groups: tuple[Group, ...], ink: str) -> None:
    """Label the heads, the top of the encoder and the lowest block; the rest lies between."""
    encoder = [number for number, group in enumerate(groups) if group.role is not Role.HEAD]
    heads = [number for number, group in enumerate(groups) if group.role is Role.HEAD]
    for number in sorted({*heads[-1:], *encoder[:1], *encoder[-1:]}):
        rate = groups[number].learning_rate or 1.0
        figure.add_annotation(
            x=number,
            y=log10(rate),
            text=rate_text(rate),
            showarrow=False,
            xanchor="center" if number == len(groups) - 1 else "left",
            yanchor="bottom",
            xshift=0 if number == len(groups) - 1 else 4,
            yshift=4,
            font={"size": 12, "color": ink},
        )


def _mark_still(figure: go.Figure, table: ParameterTable, colors: Palette, low: int) -> None:
    style = colors.states[State.FROZEN]
    top = max(rate for _, rate in _encoder_rates(table)) / STILL
    figure.add_hrect(y0=10.0**low, y1=top, fillcolor=style.fill, line={"width": 0}, layer="below")
    figure.add_annotation(
        x=0,
        xref="paper",
        y=low,
        text="frozen in all but name",
        showarrow=False,
        xanchor="left",
        yanchor="bottom",
        xshift=6,
        yshift=2,
        font={"size": 12, "color": style.text},
    )


def _tick(group: Group) -> str:
    """Short enough for a phone: layers by their number."""
    if group.role is Role.LAYER:
        return group.name.removeprefix("layer ")
    name = "emb." if group.role is Role.EMBEDDINGS else group.name.rpartition(".")[2]
    return escape(name if len(name) <= 10 else f"{name[:9]}…")
