"""Learning rates on a logarithmic axis: down the layer stack, and over the steps of a run."""

from collections.abc import Sequence
from html import escape
from itertools import accumulate, groupby, pairwise
from math import ceil, floor, log10
from typing import NamedTuple

import plotly.graph_objects as go

from mtl_core.charts.theme import Palette, base_layout
from mtl_core.freezing.table import ROLES_TOP_DOWN, Group, ParameterTable, State
from mtl_core.freezing.table_text import rate_text
from mtl_core.models.description import Role
from mtl_core.training.schedule import rate_factor

RATES_HEIGHT = 126
SCHEDULE_HEIGHT = 250

NEGLIGIBLE_FACTOR = 1000
"""A rate this many times below the encoder's highest counts as negligible.

Such a tensor is almost frozen. The factor is a rule of thumb for a warning, not a measurement.
"""

STEPS_DRAWN = 300
"""Steps in the figure of a run; the real number depends on the data."""

_HEADROOM = 0.24  # share of the axis above the highest rate, for its label
_DECADES_SHOWN = 6
_LABEL_SPACE = 124

Rates = tuple[float | None, ...]
"""The learning rate at each drawn step; None where the part is frozen."""


class RateLine(NamedTuple):
    """Groups that have the same rates in all steps."""

    groups: tuple[Group, ...]
    is_head: bool
    rates: Rates


def rates_figure(table: ParameterTable, colors: Palette, height: int = RATES_HEIGHT) -> go.Figure:
    """Builds the highest rate of each group that learns, from the top of the stack to the bottom.

    Points carry `customdata` (group, rate). A band marks the range of negligible rates.
    """
    groups = learning_groups(table)
    style = colors.states[State.TRAINABLE]
    negligible = set(negligible_groups(table))
    figure = go.Figure()
    figure.add_scatter(
        x=list(range(len(groups))),
        y=[group.learning_rate for group in groups],
        mode="lines+markers",
        line={"color": style.color, "width": 1.4},
        marker={
            "color": [
                colors.background if each.name in negligible else style.color for each in groups
            ],
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
    _label_points(figure, groups, style.text)
    rates = [group.learning_rate for group in groups if group.learning_rate]
    low, highest = floor(log10(min(rates)) - 0.3), log10(max(rates))
    high = highest + _HEADROOM * (highest - low)
    if negligible:
        _mark_negligible(figure, table, colors, low)
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


def schedule_figure(
    tables: Sequence[ParameterTable],
    epochs: float,
    colors: Palette,
    height: int = SCHEDULE_HEIGHT,
) -> go.Figure:
    """Builds the rates of a plan over a run of `epochs`; frozen parts have no line.

    `tables` holds one table per phase. The heads' line is dashed, and each line is labelled at its
    end. Rates below a millionth of the highest are outside the figure.
    """
    ends = _phase_ends(tables)
    lines = _lines(tables, ends)
    style = colors.states[State.TRAINABLE]
    figure = go.Figure()
    at = [epochs * step / STEPS_DRAWN for step in range(1, STEPS_DRAWN + 1)]
    for line in lines:
        title = escape(_line_title(line.groups))
        figure.add_scatter(
            x=at,
            y=line.rates,
            mode="lines",
            line={
                "color": colors.ink if line.is_head else style.color,
                "width": 1.6,
                "dash": "5px,3px" if line.is_head else "solid",
            },
            name=title,
            hovertemplate=f"<b>{title}</b><br>epoch %{{x:.2f}}: %{{y:.1e}}<extra></extra>",
        )
    _label_ends(figure, lines, at, colors)
    _mark_phases(figure, tables, [epochs * end / STEPS_DRAWN for end in ends], colors)
    low, high = _axis_range([rate for line in lines for rate in line.rates if rate])
    figure.update_layout(
        base_layout(
            colors,
            height,
            margin={"l": 40, "r": _LABEL_SPACE, "t": 20, "b": 34},
            xaxis={
                "title": {"text": "epoch", "font": {"size": 12}, "standoff": 4},
                "range": [0, epochs],
            },
            yaxis={
                "type": "log",
                "range": [low, high],
                "tickvals": [10.0**decade for decade in range(ceil(low), floor(high) + 1)],
                "ticktext": [f"1e{decade}" for decade in range(ceil(low), floor(high) + 1)],
            },
        )
    )
    return figure


def learning_groups(table: ParameterTable) -> tuple[Group, ...]:
    """The groups with a trainable tensor, from the top of the stack down; heads first."""
    layers = [group.name for group in table.groups if group.role is Role.LAYER]
    return tuple(
        sorted(
            (group for group in table.groups if group.learning_rate is not None),
            key=lambda group: (
                ROLES_TOP_DOWN.index(group.role),
                -layers.index(group.name) if group.role is Role.LAYER else 0,
            ),
        )
    )


def rate_ratio(table: ParameterTable) -> float:
    """The encoder's highest rate divided by its lowest; 1 if nothing in it learns."""
    rates = [rate for _, rate in _encoder_rates(table)]
    return max(rates) / min(rates) if rates else 1.0


def negligible_groups(table: ParameterTable) -> tuple[str, ...]:
    """The encoder's groups whose rate is `NEGLIGIBLE_FACTOR` or more times below its highest."""
    rates = _encoder_rates(table)
    highest = max((rate for _, rate in rates), default=0.0)
    return tuple(name for name, rate in rates if rate * NEGLIGIBLE_FACTOR <= highest)


def _encoder_rates(table: ParameterTable) -> list[tuple[str, float]]:
    return [
        (group.name, group.learning_rate)
        for group in learning_groups(table)
        if group.role is not Role.HEAD and group.learning_rate is not None
    ]


def _label_points(figure: go.Figure, groups: tuple[Group, ...], ink: str) -> None:
    """Labels the heads, the top of the encoder and the lowest group."""
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


def _mark_negligible(figure: go.Figure, table: ParameterTable, colors: Palette, low: int) -> None:
    style = colors.states[State.FROZEN]
    top = max(rate for _, rate in _encoder_rates(table)) / NEGLIGIBLE_FACTOR
    figure.add_hrect(y0=10.0**low, y1=top, fillcolor=style.fill, line={"width": 0}, layer="below")
    figure.add_annotation(
        x=0,
        xref="paper",
        y=low,
        text="almost frozen",
        showarrow=False,
        xanchor="left",
        yanchor="bottom",
        xshift=6,
        yshift=2,
        font={"size": 12, "color": style.text},
    )


def _tick(group: Group) -> str:
    """Layers by their number, other groups by a short name."""
    if group.role is Role.LAYER:
        return group.name.removeprefix("layer ")
    return escape(_short_name(group))


def _short_name(group: Group) -> str:
    name = group.name.rpartition(".")[2]
    return "emb." if group.role is Role.EMBEDDINGS else name if len(name) <= 10 else f"{name[:9]}…"


def _phase_ends(tables: Sequence[ParameterTable]) -> list[int]:
    """The last step of each phase, rounded as in training."""
    shares = list(accumulate(table.phase.epochs for table in tables))
    return [round(STEPS_DRAWN * share / shares[-1]) for share in shares]


def _lines(tables: Sequence[ParameterTable], ends: Sequence[int]) -> list[RateLine]:
    """One line per set of neighbouring groups with equal rates, from the top of the stack down."""
    groups: dict[str, Group] = {}
    for table in tables:
        groups |= {group.name: group for group in learning_groups(table)}
    order = [group.name for group in tables[0].groups]
    rates = {name: _rates_of(name, tables, ends) for name in groups}
    top_down = sorted(
        groups.values(), key=lambda each: (ROLES_TOP_DOWN.index(each.role), -order.index(each.name))
    )
    equal = groupby(top_down, key=lambda group: (group.role is Role.HEAD, rates[group.name]))
    return [RateLine(tuple(members), is_head, same) for (is_head, same), members in equal]


def _rates_of(name: str, tables: Sequence[ParameterTable], ends: Sequence[int]) -> Rates:
    rates: list[float | None] = []
    for table, (start, end) in zip(tables, pairwise([0, *ends]), strict=True):
        rate = next(group.learning_rate for group in table.groups if group.name == name)
        for step in range(1, end - start + 1):
            factor = rate_factor(table.plan.schedule, step, end - start)
            rates.append(None if rate is None else rate * factor)
    return tuple(rates)


def _line_title(groups: Sequence[Group]) -> str:
    """`heads`, `layer 5`, `layers 5-3`, `layers 5-0, emb.`."""
    if groups[0].role is Role.HEAD:
        return "heads" if len(groups) > 1 else groups[0].name
    layers = [group.name.removeprefix("layer ") for group in groups if group.role is Role.LAYER]
    others = [_short_name(group) for group in groups if group.role is not Role.LAYER]
    titles = [f"layer {layers[0]}"] if len(layers) == 1 else []
    if len(layers) > 1:
        titles = [f"layers {layers[0]}-{layers[-1]}"]
    return ", ".join([*titles, *others])


def _label_ends(
    figure: go.Figure, lines: Sequence[RateLine], at: Sequence[float], colors: Palette
) -> None:
    """Labels each line at its end; lines that end in the same point share a label."""
    by_end: dict[tuple[int, float], list[RateLine]] = {}
    for line in lines:
        last = max(step for step, rate in enumerate(line.rates) if rate is not None)
        by_end.setdefault((last, line.rates[last] or 1.0), []).append(line)
    for (last, rate), ending in by_end.items():
        heads = [_line_title(line.groups) for line in ending if line.is_head]
        encoder = [group for line in ending if not line.is_head for group in line.groups]
        figure.add_annotation(
            x=at[last],
            y=log10(rate),
            text=escape(", ".join([*heads, *([_line_title(encoder)] if encoder else [])])),
            showarrow=False,
            xanchor="left",
            xshift=4,
            font={
                "size": 11,
                "color": colors.states[State.TRAINABLE].text if encoder else colors.ink,
            },
        )


def _mark_phases(
    figure: go.Figure, tables: Sequence[ParameterTable], ends: Sequence[float], colors: Palette
) -> None:
    """Draws a thin line between phases and the phase number above; names would overlap."""
    if len(tables) == 1:
        return
    for number, (start, end) in enumerate(pairwise([0.0, *ends]), start=1):
        if number < len(tables):
            figure.add_vline(x=end, line={"color": colors.axis, "width": 1, "dash": "2px,3px"})
        figure.add_annotation(
            x=(start + end) / 2,
            y=1,
            yref="paper",
            text=f"phase {number}" if len(tables) <= 5 else str(number),
            showarrow=False,
            yanchor="bottom",
            font={"size": 12, "color": colors.muted},
        )


def _axis_range(rates: Sequence[float]) -> tuple[float, float]:
    """The two ends of the axis, as powers of ten."""
    if not rates:
        return -5.0, -2.0
    high = log10(max(rates))
    return max(log10(min(rates)), high - _DECADES_SHOWN) - 0.15, high + 0.15
