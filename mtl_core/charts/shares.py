"""Where the parameters are, and which of them learn: one bar, in proportion."""

from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from mtl_core.analysis.words import in_percent
from mtl_core.charts.theme import Palette, base_layout
from mtl_core.freezing.table import Group, ParameterTable, State
from mtl_core.freezing.table_text import SIGNS
from mtl_core.models.description import Role

SHARES_HEIGHT = 36
_THINNEST = 0.004  # of the bar: a head is one parameter in thirty thousand, and must be seen
_ROOM_FOR_LETTER = 0.0112  # of the bar, for one letter inside it


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring groups in one state, drawn as one piece of the bar."""

    label: str
    state: State
    count: int


def stretches(table: ParameterTable) -> tuple[Stretch, ...]:
    """The model from the heads down to the embeddings, neighbours of one kind and state joined.

    Their counts add up to the model's.
    """
    joined: list[tuple[list[Group], State, int]] = []
    for group in _from_the_top(table):
        for state, count in _counts(group):
            last = joined[-1] if joined else None
            if last and last[1] is state and last[0][-1].role is group.role:
                joined[-1] = ([*last[0], group], state, last[2] + count)
            else:
                joined.append(([group], state, count))
    return tuple(Stretch(_label(groups), state, count) for groups, state, count in joined)


def shares_figure(table: ParameterTable, colors: Palette, height: int = SHARES_HEIGHT) -> go.Figure:
    """One horizontal bar over all parameters; labels stand inside where there is room.

    A piece too thin to be seen is widened to four thousandths of the bar.
    """
    pieces = stretches(table)
    total = table.totals.all
    widths = [max(piece.count / total, _THINNEST) for piece in pieces]
    widths = [width / sum(widths) for width in widths]
    styles = [colors.states[piece.state] for piece in pieces]
    bar = {
        "type": "bar",
        "orientation": "h",
        "base": [sum(widths[:number]) for number in range(len(widths))],
        "x": widths,
        "y": [0] * len(pieces),
        "width": 1,
        "customdata": [[piece.label, str(piece.state), piece.count] for piece in pieces],
        "marker": {
            "color": [style.fill for style in styles],
            "line": {"color": [style.edge for style in styles], "width": 1},
        },
        "text": [_inside(piece, width) for piece, width in zip(pieces, widths, strict=True)],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "insidetextfont": {"size": 12, "color": [style.on_fill for style in styles]},
        "hovertext": [
            f"<b>{escape(piece.label)}</b><br>{SIGNS[piece.state]} {piece.state}: "
            f"{piece.count:,} parameters, {in_percent(piece.count / total, 3)}"
            for piece in pieces
        ],
        "hoverinfo": "text",
    }
    layout = base_layout(
        colors,
        height,
        margin={"l": 0, "r": 1, "t": 2, "b": 2},
        xaxis={"range": [-0.001, 1.001], "visible": False},
        yaxis={"range": [-0.52, 0.52], "visible": False},
        barmode="overlay",
        uniformtext={"mode": "hide", "minsize": 11},
    )
    return go.Figure([bar], layout)


def _inside(piece: Stretch, width: float) -> str:
    text = f"{escape(piece.label)}  {short_count(piece.count)}"
    return text if len(text) * _ROOM_FOR_LETTER < width else ""


def short_count(count: int) -> str:
    """`23.8 M`, `4,614`: three figures are enough in a picture, the table has them all."""
    return f"{count:,}" if count < 100_000 else f"{count / 1e6:.3g} M"


def _from_the_top(table: ParameterTable) -> list[Group]:
    """Groups in the order of the picture: heads, pooler, layers downward, beside, embeddings."""
    order = (Role.HEAD, Role.POOLER, Role.LAYER, Role.BESIDE, Role.EMBEDDINGS)
    by_role = {role: [group for group in table.groups if group.role is role] for role in order}
    by_role[Role.LAYER].reverse()
    return [group for role in order for group in by_role[role]]


def _counts(group: Group) -> list[tuple[State, int]]:
    totals = group.totals
    by_state = {
        State.TRAINABLE: totals.trainable,
        State.FROZEN: totals.frozen,
        State.UNREACHED: totals.unreached,
    }
    return [(state, count) for state, count in by_state.items() if count]


def _label(groups: list[Group]) -> str:
    first, last = groups[0], groups[-1]
    if first.name == last.name:
        return first.name.rpartition(".")[2]
    match first.role:
        case Role.LAYER:
            low, high = last.name.removeprefix("layer "), first.name.removeprefix("layer ")
            return f"layers {low} to {high}"
        case Role.HEAD:
            return "heads"
        case _:
            return f"{len(groups)} parts beside the stack"
