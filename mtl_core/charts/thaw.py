"""What learns in each phase of a plan, as a small picture: a column a phase, the stack upright.

Drawn as SVG: a page of chapters holds many of them.
"""

from collections.abc import Sequence
from math import log10

from mtl_core.charts.cells import blended
from mtl_core.charts.theme import FONT_FAMILY, Palette
from mtl_core.freezing.table import Group, ParameterTable, State
from mtl_core.models.description import Role

_LEFT, _CELL_WIDTH, _CELL_HEIGHT, _GAP = 76, 34, 13, 3
_WIDEST = 320  # pixels: what a card of the guide leaves on a phone
_PALEST, _DECADES = 0.25, 3.0  # a rate so many decades below the encoder's highest is palest


def thaw_svg(tables: Sequence[ParameterTable], colors: Palette) -> tuple[str, int]:
    """The picture as an SVG document, and its width in pixels.

    Heads are on top, side by side, then the layers from the last to the first, then the
    embeddings; what leads nowhere is left out. Paler is a smaller rate than the encoder's highest
    of that phase.
    """
    cell = min(_CELL_WIDTH, (_WIDEST - _LEFT) // len(tables) - _GAP)
    width = _LEFT + len(tables) * (cell + _GAP)
    rows = _rows(tables[0])
    height = len(rows) * (_CELL_HEIGHT + _GAP) + (15 if len(tables) > 1 else 0)
    parts = [
        _text(title, _LEFT - 8, _middle(place), colors, "end")
        for place, (title, _) in enumerate(rows)
    ]
    for number, table in enumerate(tables):
        left = _LEFT + number * (cell + _GAP)
        parts += _column(table, rows, left, cell, colors)
        if len(tables) > 1:
            parts.append(_text(str(number + 1), left + cell / 2, height - 4, colors))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{"".join(parts)}</svg>'
    )
    return svg, width


def _rows(table: ParameterTable) -> list[tuple[str, tuple[str, ...]]]:
    """Each row's title and the groups in it."""
    by_role: dict[Role, list[str]] = {role: [] for role in Role}
    for group in table.groups:
        by_role[group.role].append(group.name)
    layers = [(name, (name,)) for name in reversed(by_role[Role.LAYER])]
    low = [("embeddings", tuple(by_role[Role.EMBEDDINGS]))] if by_role[Role.EMBEDDINGS] else []
    return [("heads", tuple(by_role[Role.HEAD])), *layers, *low]


def _column(
    table: ParameterTable,
    rows: Sequence[tuple[str, tuple[str, ...]]],
    left: float,
    cell: int,
    colors: Palette,
) -> list[str]:
    groups = {group.name: group for group in table.groups}
    rates = [g.learning_rate for g in table.groups if g.role is not Role.HEAD and g.learning_rate]
    cells = []
    for place, (_, names) in enumerate(rows):
        wide = (cell - 2 * (len(names) - 1)) / len(names)
        for number, name in enumerate(names):
            fill, edge = _paint(groups[name], max(rates, default=0.0), colors)
            cells.append(
                f'<rect x="{left + number * (wide + 2) + 0.5:.1f}" '
                f'y="{place * (_CELL_HEIGHT + _GAP) + 0.5}" width="{wide - 1:.1f}" '
                f'height="{_CELL_HEIGHT - 1}" rx="2" fill="{fill}" stroke="{edge}"/>'
            )
    return cells


def _paint(group: Group, highest: float, colors: Palette) -> tuple[str, str]:
    """Fill and edge: vermilion for what learns, tinted blue for what is frozen, as everywhere."""
    learns, frozen = colors.states[State.TRAINABLE], colors.states[State.FROZEN]
    if group.learning_rate is None:
        return frozen.fill, frozen.edge
    if group.role is Role.HEAD:
        return learns.color, learns.color
    share = max(_PALEST, 1 + log10(group.learning_rate / highest) / _DECADES)
    return blended(learns.color, colors.background, share), learns.color


def _middle(place: int) -> float:
    return place * (_CELL_HEIGHT + _GAP) + _CELL_HEIGHT - 2.5


def _text(text: str, x: float, y: float, colors: Palette, anchor: str = "middle") -> str:
    family = FONT_FAMILY.replace('"', "'")
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-family="{family}" font-size="12" '
        f'fill="{colors.muted}">{text}</text>'
    )
