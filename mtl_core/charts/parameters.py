"""The parameters of models: one bar for a plan by state, and bars to compare checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go

from mtl_core.charts.theme import Figure, Palette, base_layout
from mtl_core.freezing.table import ROLES_TOP_DOWN, Group, ParameterTable, State
from mtl_core.freezing.table_text import SIGNS
from mtl_core.models.description import Role
from mtl_core.models.facts import CheckpointFacts
from mtl_core.text import percent

SHARES_HEIGHT = 36
_THINNEST = 0.004  # of the bar, so that a head stays visible
_LETTER_SHARE = 0.0112  # of the bar, for one letter inside it
_CHECKPOINT_ROW = 31  # pixels
_ROOM_FOR_COUNTS = 1.3


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the bar: neighbouring groups of one role in one state."""

    label: str
    state: State
    count: int


def shares_figure(table: ParameterTable, colors: Palette, height: int = SHARES_HEIGHT) -> go.Figure:
    """Builds one horizontal bar over all parameters, with labels inside where they fit.

    A piece is at least 0.4 % of the bar wide.
    """
    pieces = bar_pieces(table)
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
        "text": [_inner_text(piece, width) for piece, width in zip(pieces, widths, strict=True)],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "insidetextfont": {"size": 12, "color": [style.on_fill for style in styles]},
        "hovertext": [
            f"<b>{escape(piece.label)}</b><br>{SIGNS[piece.state]} {piece.state}: "
            f"{piece.count:,} parameters, {percent(piece.count / total, 3)}"
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
        uniformtext={"mode": "hide", "minsize": 12},
    )
    return go.Figure([bar], layout)


def checkpoints_figure(
    known: Sequence[CheckpointFacts], selected: str | None, colors: Palette
) -> Figure:
    """Builds one bar per checkpoint, the smallest at the top: layers solid, embeddings pale.

    The name `selected` is bold.
    """
    rows = sorted(known, key=lambda facts: facts.parameters)
    most = max(facts.parameters for facts in rows)
    layers = [facts.parameters - facts.embedding_parameters for facts in rows]
    embeddings = [facts.embedding_parameters for facts in rows]
    layout = base_layout(
        colors,
        _CHECKPOINT_ROW * len(rows) + 8,
        margin={"l": 168, "r": 2, "t": 4, "b": 4},
        barmode="stack",
        bargap=0.34,
        xaxis={"range": [0, most * _ROOM_FOR_COUNTS], "visible": False},
        yaxis={
            "tickvals": list(range(len(rows))),
            "ticktext": [_checkpoint_name(facts.name, selected) for facts in rows],
            "tickfont": {"size": 13, "color": colors.ink},
            "ticklabelstandoff": 6,
            "autorange": "reversed",
            "showgrid": False,
        },
    )
    solid = _checkpoint_bars("layers", layers, rows, colors, {"color": colors.muted})
    pale = _checkpoint_bars("embeddings", embeddings, rows, colors, {"color": colors.grid})
    pale["text"] = [short_count(facts.parameters) for facts in rows]
    return {"data": [solid, pale], "layout": layout}


def bar_pieces(table: ParameterTable) -> tuple[Piece, ...]:
    """Divides the model into pieces, from the heads down to the embeddings.

    The counts of the pieces add up to the model's.
    """
    joined: list[tuple[list[Group], State, int]] = []
    for group in _top_down(table):
        for state, count in _counts(group):
            last = joined[-1] if joined else None
            if last and last[1] is state and last[0][-1].role is group.role:
                joined[-1] = ([*last[0], group], state, last[2] + count)
            else:
                joined.append(([group], state, count))
    return tuple(Piece(_piece_label(groups), state, count) for groups, state, count in joined)


def short_count(count: int) -> str:
    """`4,614`, `23.8 M`: three significant digits from 100,000 on."""
    return f"{count:,}" if count < 100_000 else f"{count / 1e6:.3g} M"


def _inner_text(piece: Piece, width: float) -> str:
    text = f"{escape(piece.label)}  {short_count(piece.count)}"
    return text if len(text) * _LETTER_SHARE < width else ""


def _top_down(table: ParameterTable) -> list[Group]:
    """Groups in the order of the stack: heads, pooler, layers downward, beside, embeddings."""
    by_role = {
        role: [group for group in table.groups if group.role is role] for role in ROLES_TOP_DOWN
    }
    by_role[Role.LAYER].reverse()
    return [group for role in ROLES_TOP_DOWN for group in by_role[role]]


def _counts(group: Group) -> list[tuple[State, int]]:
    totals = group.totals
    by_state = {
        State.TRAINABLE: totals.trainable,
        State.FROZEN: totals.frozen,
        State.UNREACHED: totals.unreached,
    }
    return [(state, count) for state, count in by_state.items() if count]


def _piece_label(groups: Sequence[Group]) -> str:
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
            return f"{len(groups)} parts outside the layers"


def _checkpoint_bars(
    part: str,
    counts: Sequence[int],
    rows: Sequence[CheckpointFacts],
    colors: Palette,
    marker: dict[str, Any],
) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": part,
        "y": list(range(len(rows))),
        "x": list(counts),
        "marker": {"line": {"color": colors.muted, "width": 1}, **marker},
        "textposition": "outside",
        "cliponaxis": False,
        "textfont": {"size": 12, "color": colors.muted},
        "hovertext": [
            f"<b>{escape(facts.name)}</b><br>{part}: {count:,} of {facts.parameters:,} parameters, "
            f"{percent(count / facts.parameters)}"
            for facts, count in zip(rows, counts, strict=True)
        ],
        "hoverinfo": "text",
    }


def _checkpoint_name(name: str, selected: str | None) -> str:
    return f"<b>{escape(name)}</b>" if name == selected else escape(name)
