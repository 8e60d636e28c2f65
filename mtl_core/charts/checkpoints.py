"""Where the parameters of each checkpoint are: in what is looked up, or in what is multiplied."""

from collections.abc import Sequence
from html import escape
from typing import Any

from mtl_core.analysis.words import in_percent
from mtl_core.charts.shares import short_count
from mtl_core.charts.theme import Palette, base_layout
from mtl_core.models.facts import CheckpointFacts

_ROW = 31
_ROOM_FOR_COUNTS = 1.3


def parameters_figure(
    known: Sequence[CheckpointFacts], chosen: str | None, colors: Palette
) -> dict[str, Any]:
    """A bar for each checkpoint, the smallest on top: layers solid, embeddings pale.

    `chosen` is the name written in bold, if any.
    """
    rows = sorted(known, key=lambda facts: facts.parameters)
    most = max(facts.parameters for facts in rows)
    layers = [facts.parameters - facts.embedding_parameters for facts in rows]
    embeddings = [facts.embedding_parameters for facts in rows]
    layout = base_layout(
        colors,
        _ROW * len(rows) + 8,
        margin={"l": 168, "r": 2, "t": 4, "b": 4},
        barmode="stack",
        bargap=0.34,
        xaxis={"range": [0, most * _ROOM_FOR_COUNTS], "visible": False},
        yaxis={
            "tickvals": list(range(len(rows))),
            "ticktext": [_name(facts.name, chosen) for facts in rows],
            "tickfont": {"size": 13, "color": colors.ink},
            "ticklabelstandoff": 6,
            "autorange": "reversed",
            "showgrid": False,
        },
    )
    solid = _bars("layers", layers, rows, colors, {"color": colors.muted})
    pale = _bars("embeddings", embeddings, rows, colors, {"color": colors.grid})
    pale["text"] = [short_count(facts.parameters) for facts in rows]
    return {"data": [solid, pale], "layout": layout}


def _bars(
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
            f"{in_percent(count / facts.parameters)}"
            for facts, count in zip(rows, counts, strict=True)
        ],
        "hoverinfo": "text",
    }


def _name(name: str, chosen: str | None) -> str:
    return f"<b>{escape(name)}</b>" if name == chosen else escape(name)
