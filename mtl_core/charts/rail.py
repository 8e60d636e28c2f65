"""The rail beside the layer stack: the forward pass up, the gradient down to where it stops."""

from collections.abc import Sequence
from typing import Any

from mtl_core.charts.blocks import HEADS_HEIGHT, STACK_WIDTH, Block
from mtl_core.charts.theme import Palette
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import Role

_FORWARD_X = STACK_WIDTH + 0.03
_GRADIENT_X = STACK_WIDTH + 0.105

Drawn = dict[str, Any]
"""One annotation or shape of a Plotly layout."""


def rail(blocks: Sequence[Block], table: ParameterTable, colors: Palette) -> list[Drawn]:
    """An arrow each for forward pass and gradient, with its word; the gradient's is named
    "gradient", and missing where nothing learns."""
    lowest = max(block.bottom for block in blocks)
    forward = _arrow(_FORWARD_X, (lowest, 1), color=colors.axis, width=1.2, name="forward")
    word = _upward(_FORWARD_X, lowest, "forward", colors.muted)
    stops = table.gradient_stops_at
    end = next((block for block in blocks if stops in block.groups), None)
    if end is None:
        text = "nothing learns:<br>no gradient"
        return [forward, word, _beside(text, HEADS_HEIGHT / 2, "middle", -14, colors.muted)]
    style = colors.states[State.TRAINABLE]
    stop = max(end.bottom, HEADS_HEIGHT - 4)
    arrow = _arrow(_GRADIENT_X, (2, stop), color=style.color, width=2.4, name="gradient")
    if stop > lowest - 60:
        reached = "embeddings" if end.role is Role.EMBEDDINGS else "lowest layer"
        note = _upward(_GRADIENT_X, stop, f"gradient reaches the {reached}", style.text)
        return [forward, word, arrow, note]
    text = "gradient<br>stops here"
    return [forward, word, arrow, _beside(text, stop + 4, "top", -8, style.text)]


def _upward(x: float, y: float, text: str, ink: str) -> Drawn:
    """Beside an arrow, read upward: a phone has no room for it to lie."""
    return {
        "showarrow": False,
        "x": x,
        "xshift": 11,
        "y": y,
        "yanchor": "bottom",
        "textangle": -90,
        "text": text,
        "font": {"size": 12, "color": ink},
    }


def _beside(text: str, y: float, anchor: str, shift: float, ink: str) -> Drawn:
    return {
        "showarrow": False,
        "x": _GRADIENT_X,
        "xanchor": "left",
        "xshift": shift,
        "y": y,
        "yanchor": anchor,
        "align": "left",
        "text": text,
        "font": {"size": 12, "color": ink},
    }


def _arrow(x: float, down: tuple[float, float], *, color: str, width: float, name: str) -> Drawn:
    """An arrow from the first to the second of `down`, in pixels from the top."""
    return {
        "name": name,
        "showarrow": True,
        "x": x,
        "ax": x,
        "ay": down[0],
        "y": down[1],
        "xref": "x",
        "yref": "y",
        "axref": "x",
        "ayref": "y",
        "arrowhead": 2,
        "arrowsize": 1.1,
        "arrowcolor": color,
        "arrowwidth": width,
        "text": "",
    }
