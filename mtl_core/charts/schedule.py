"""Learning rates over a run: one line for each set of tensors that share theirs, phase by phase."""

from collections.abc import Sequence
from html import escape
from itertools import accumulate, groupby, pairwise
from math import ceil, floor, log10
from typing import NamedTuple

import plotly.graph_objects as go

from mtl_core.charts.rates import learning_groups
from mtl_core.charts.theme import Palette, base_layout
from mtl_core.freezing.table import Group, ParameterTable, State
from mtl_core.models.description import Role
from mtl_core.training.schedule import rate_factor

SCHEDULE_HEIGHT = 250
STEPS_DRAWN = 300
"""Into how many steps the picture cuts a run; a real one's steps depend on its data."""

_DECADES_SHOWN = 6
_LABEL_SPACE = 124

Rates = tuple[float | None, ...]
"""The learning rate at each step drawn; None where nothing of the line learns."""


class Line(NamedTuple):
    """The groups that share their rates from the first step to the last."""

    groups: tuple[Group, ...]
    is_head: bool
    rates: Rates


def schedule_figure(
    tables: Sequence[ParameterTable],
    epochs: float,
    colors: Palette,
    height: int = SCHEDULE_HEIGHT,
) -> go.Figure:
    """The rates of a plan over a run of `epochs`, on a logarithmic axis; a frozen part has no line.

    `tables` are the plan's, one a phase. The heads' line is dashed, and each line is named where
    it ends. Below a millionth of the highest rate nothing is drawn.
    """
    ends = _phase_ends(tables)
    lines = _lines(tables, ends)
    style = colors.states[State.TRAINABLE]
    figure = go.Figure()
    at = [epochs * step / STEPS_DRAWN for step in range(1, STEPS_DRAWN + 1)]
    for line in lines:
        title = escape(_title(line.groups))
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
    _name_ends(figure, lines, at, colors)
    _part_phases(figure, tables, [epochs * end / STEPS_DRAWN for end in ends], colors)
    low, high = _range([rate for line in lines for rate in line.rates if rate])
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


def _phase_ends(tables: Sequence[ParameterTable]) -> list[int]:
    """The step after which each phase ends, rounded as a run rounds its own."""
    shares = list(accumulate(table.phase.epochs for table in tables))
    return [round(STEPS_DRAWN * share / shares[-1]) for share in shares]


def _lines(tables: Sequence[ParameterTable], ends: Sequence[int]) -> list[Line]:
    """Each set of groups whose rates are the same throughout, from the top of the stack down."""
    groups: dict[str, Group] = {}
    for table in tables:
        groups |= {group.name: group for group in learning_groups(table)}
    order = [group.name for group in tables[0].groups]
    rates = {name: _rates_of(name, tables, ends) for name in groups}
    top_down = sorted(groups.values(), key=lambda each: (_place(each), -order.index(each.name)))
    alike = groupby(top_down, key=lambda group: (group.role is Role.HEAD, rates[group.name]))
    return [Line(tuple(members), head, same) for (head, same), members in alike]


def _place(group: Group) -> int:
    return (Role.HEAD, Role.POOLER, Role.LAYER, Role.BESIDE, Role.EMBEDDINGS).index(group.role)


def _rates_of(name: str, tables: Sequence[ParameterTable], ends: Sequence[int]) -> Rates:
    drawn: list[float | None] = []
    for table, (start, end) in zip(tables, pairwise([0, *ends]), strict=True):
        rate = next(group.learning_rate for group in table.groups if group.name == name)
        for step in range(1, end - start + 1):
            factor = rate_factor(table.plan.schedule, step, end - start)
            drawn.append(None if rate is None else rate * factor)
    return tuple(drawn)


def _title(groups: Sequence[Group]) -> str:
    """`heads`, `layer 5`, `layers 5-3`, `layers 5-0, emb.`: as short as a margin."""
    if groups[0].role is Role.HEAD:
        return "heads" if len(groups) > 1 else groups[0].name
    layers = [group.name.removeprefix("layer ") for group in groups if group.role is Role.LAYER]
    others = [_short(group) for group in groups if group.role is not Role.LAYER]
    said = [f"layer {layers[0]}"] if len(layers) == 1 else []
    if len(layers) > 1:
        said = [f"layers {layers[0]}-{layers[-1]}"]
    return ", ".join([*said, *others])


def _short(group: Group) -> str:
    name = group.name.rpartition(".")[2]
    return "emb." if group.role is Role.EMBEDDINGS else name if len(name) <= 10 else f"{name[:9]}…"


def _name_ends(
    figure: go.Figure, lines: Sequence[Line], at: Sequence[float], colors: Palette
) -> None:
    """Name each line where it ends; lines that end in one point bear one name."""
    met: dict[tuple[int, float], list[Line]] = {}
    for line in lines:
        last = max(step for step, rate in enumerate(line.rates) if rate is not None)
        met.setdefault((last, line.rates[last] or 1.0), []).append(line)
    for (last, rate), ending in met.items():
        heads = [_title(line.groups) for line in ending if line.is_head]
        encoder = [group for line in ending if not line.is_head for group in line.groups]
        figure.add_annotation(
            x=at[last],
            y=log10(rate),
            text=escape(", ".join([*heads, *([_title(encoder)] if encoder else [])])),
            showarrow=False,
            xanchor="left",
            xshift=4,
            font={
                "size": 11,
                "color": colors.states[State.TRAINABLE].text if encoder else colors.ink,
            },
        )


def _part_phases(
    figure: go.Figure, tables: Sequence[ParameterTable], ends: Sequence[float], colors: Palette
) -> None:
    """A hairline between phases, and the number of each above; no name, they would collide."""
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
            font={"size": 11, "color": colors.muted},
        )


def _range(rates: Sequence[float]) -> tuple[float, float]:
    if not rates:
        return -5.0, -2.0
    high = log10(max(rates))
    return max(log10(min(rates)), high - _DECADES_SHOWN) - 0.15, high + 0.15
