"""Learning rates down the stack, on a logarithmic axis."""

from html import escape

import plotly.graph_objects as go

from mtl_core.charts.theme import Palette, base_layout
from mtl_core.freezing.table import Group, ParameterTable, State
from mtl_core.freezing.writing import rate_text
from mtl_core.models.description import Role

RATES_HEIGHT = 118
STILL = 1000
"""A rate this many times below the top layer's moves a tensor so little that the plan might as
well have frozen it. A rule of thumb for the warning, not a measurement."""


def rates_figure(table: ParameterTable, colors: Palette, height: int = RATES_HEIGHT) -> go.Figure:
    """The highest rate of each block that learns, top of the stack at the left.

    Points carry `customdata` (group, rate). The first of the encoder and the lowest are labelled.
    """
    groups = learning_groups(table)
    style = colors.states[State.TRAINABLE]
    rates = [group.learning_rate or 0.0 for group in groups]
    figure = go.Figure()
    figure.add_scatter(
        x=[_tick(group) for group in groups],
        y=rates,
        mode="lines+markers",
        line={"color": style.color, "width": 1.4},
        marker={"color": style.color, "size": 8},
        customdata=[[group.name, group.learning_rate] for group in groups],
        hovertext=[
            f"<b>{escape(group.name)}</b><br>learning rate {rate_text(group.learning_rate)}"
            for group in groups
        ],
        hoverinfo="text",
    )
    for group, anchor in _labelled(groups):
        figure.add_annotation(
            x=_tick(group),
            y=_log10(group.learning_rate or 1.0),
            text=rate_text(group.learning_rate),
            showarrow=False,
            xanchor=anchor,
            yanchor="bottom",
            xshift=6 if anchor == "left" else -4,
            yshift=2,
            font={"size": 12, "color": style.text},
        )
    figure.update_layout(
        base_layout(
            colors,
            height,
            margin={"l": 46, "r": 14, "t": 8, "b": 24},
            xaxis={"type": "category"},
            yaxis={"type": "log", "dtick": _decades(rates), "exponentformat": "power"},
        )
    )
    return figure


def learning_groups(table: ParameterTable) -> tuple[Group, ...]:
    """The groups in which something learns, from the top of the stack down; heads first."""
    learn = [group for group in table.groups if group.learning_rate is not None]
    order = {Role.HEAD: 0, Role.POOLER: 1, Role.LAYER: 2, Role.BESIDE: 3, Role.EMBEDDINGS: 4}
    position = {group.name: number for number, group in enumerate(table.groups)}
    return tuple(
        sorted(
            learn,
            key=lambda group: (
                order[group.role],
                -position[group.name] if group.role is Role.LAYER else position[group.name],
            ),
        )
    )


def lowest_to_highest(table: ParameterTable) -> float:
    """How many times the encoder's lowest rate goes into its highest; 1 where nothing learns."""
    rates = [
        group.learning_rate
        for group in learning_groups(table)
        if group.role is not Role.HEAD and group.learning_rate is not None
    ]
    return max(rates) / min(rates) if rates else 1.0


def _labelled(groups: tuple[Group, ...]) -> list[tuple[Group, str]]:
    """The heads, the top of the encoder and the lowest block: the rest lies between them."""
    encoder = [group for group in groups if group.role is not Role.HEAD]
    heads = [group for group in groups if group.role is Role.HEAD][-1:]
    return [(group, "left") for group in (*heads, *encoder[:1])] + [
        (group, "right") for group in encoder[1:][-1:]
    ]


def _tick(group: Group) -> str:
    return group.name


def _log10(rate: float) -> float:
    from math import log10

    return log10(rate)


def _decades(rates: list[float]) -> int:
    span = _log10(max(rates)) - _log10(min(rates)) if rates else 1
    return 1 if span < 4 else 2
