"""Small pictures for the guide: effects with intervals, and what each phase of a plan trains.

They are SVG, because a page with dozens of Plotly figures is slow.
"""

from collections.abc import Sequence
from math import log, log10

from mtl_core.analysis.claim_verdicts import Finding, Scale
from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.charts.theme import FONT_FAMILY, Palette, blend
from mtl_core.freezing.table import Group, ParameterTable, State
from mtl_core.models.description import Role
from mtl_core.text import signed

EFFECT_WIDTH, EFFECT_HEIGHT = 220, 40
_MIDDLE, _HALF = EFFECT_WIDTH / 2, EFFECT_WIDTH / 2 - 10
_DRAWN = (Scale.DIFFERENCE, Scale.EPOCHS, Scale.RATIO)
_SMALLEST_REACH = 0.02  # so that a negligible effect does not fill the picture
_LEFT, _CELL_WIDTH, _CELL_HEIGHT, _GAP = 76, 34, 13, 3
_WIDEST = 320  # pixels: the width of a guide card on a phone
OUTCOMES_WIDTH = 330  # fits on a phone
_SIDE, _ROW = 8, 42
_PALEST, _DECADES = 0.25, 3.0  # a rate this many decades below the encoder's highest is palest


def effect_svg(finding: Finding, published: float | None, colors: Palette) -> str | None:
    """Draws the effect of a claim around "no effect" in the middle; None if it has no effect.

    The dot is the effect, the line its 95 % interval, the diamond the published effect. A dashed
    tick is the bar, where it is not 0; the margin above it is shaded. Values to the right support
    the claim. Ratios have a logarithmic scale. Each picture has its own range.
    """
    if finding.effect is None or finding.scale not in _DRAWN:
        return None
    ratio = finding.scale is Scale.RATIO
    values = {
        "effect": finding.effect,
        "low": finding.low,
        "high": finding.high,
        "published": published,
        "bar": finding.bar,
        "matters": finding.bar + finding.margin,
    }
    at = {
        name: log(value) if ratio else value for name, value in values.items() if value is not None
    }
    reach = 1.08 * max(_SMALLEST_REACH, *(abs(each) for each in at.values()))
    x = {name: round(_MIDDLE + _HALF * each / reach, 1) for name, each in at.items()}
    height = EFFECT_HEIGHT
    parts = []
    if finding.margin:
        wide = round(x["matters"] - x["bar"], 1)
        parts.append(
            f'<rect x="{x["bar"]}" y="6" width="{wide}" height="{height - 12}" '
            f'fill="{colors.axis}" opacity="0.35"/>'
        )
    parts.append(_svg_line(_MIDDLE, 4, _MIDDLE, height - 4, colors.axis, 1.5))
    if abs(x["bar"] - _MIDDLE) > 1:
        parts.append(_svg_line(x["bar"], 8, x["bar"], height - 8, colors.muted, 1.5, dash="2 3"))
    low, high = x.get("low", x["effect"]), x.get("high", x["effect"])
    parts += _svg_interval(low, x["effect"], high, 20, colors)
    if "published" in x:
        parts.append(_svg_diamond(x["published"], 20, colors))
    return _svg(EFFECT_WIDTH, height, parts)


def outcomes_svg(
    rows: Sequence[tuple[str, PairedDifference]], margin: float, colors: Palette
) -> str:
    """Draws labelled intervals of differences on one scale, with the margin as a band around 0."""
    low = min(-margin, *(found.low for _, found in rows))
    high = max(margin, *(found.high for _, found in rows))

    def at(value: float) -> float:
        return round(_SIDE + (value - low) / (high - low) * (OUTCOMES_WIDTH - 2 * _SIDE), 1)

    bottom = len(rows) * _ROW
    left, right = at(-margin), at(margin)
    parts = [
        f'<rect x="{left}" y="0" width="{right - left:.1f}" height="{bottom}" '
        f'fill="{colors.grid}"/>',
        _svg_line(at(0.0), 0, at(0.0), bottom, colors.axis, 1.5),
    ]
    for place, (label, found) in enumerate(rows):
        top = place * _ROW
        parts.append(_svg_text(label, 2, top + 15, colors, "start", colors.ink))
        parts += _svg_interval(at(found.low), at(found.effect), at(found.high), top + 30, colors)
    ticks = ((left, -margin), (at(0.0), 0.0), (right, margin))
    parts += [_svg_text(signed(value, 2), x, bottom + 15, colors) for x, value in ticks]
    parts += [
        _svg_text("← worse", at(0.0) - 8, bottom + 32, colors, "end"),
        _svg_text("better →", at(0.0) + 8, bottom + 32, colors, "start"),
    ]
    return _svg(OUTCOMES_WIDTH, bottom + 38, parts)


def phases_svg(tables: Sequence[ParameterTable], colors: Palette) -> tuple[str, int]:
    """Draws which groups learn in each phase; returns the SVG and its width in pixels.

    One column per phase: heads at the top, then the layers from last to first, then the
    embeddings. A paler cell has a lower learning rate than the encoder's highest of that phase.
    """
    cell = min(_CELL_WIDTH, (_WIDEST - _LEFT) // len(tables) - _GAP)
    width = _LEFT + len(tables) * (cell + _GAP)
    rows = _phase_rows(tables[0])
    height = len(rows) * (_CELL_HEIGHT + _GAP) + (15 if len(tables) > 1 else 0)
    parts = [
        _svg_text(title, _LEFT - 8, _text_baseline(place), colors, "end")
        for place, (title, _) in enumerate(rows)
    ]
    for number, table in enumerate(tables):
        left = _LEFT + number * (cell + _GAP)
        parts += _phase_column(table, rows, left, cell, colors)
        if len(tables) > 1:
            parts.append(_svg_text(str(number + 1), left + cell / 2, height - 4, colors))
    return _svg(width, height, parts), width


def _phase_rows(table: ParameterTable) -> list[tuple[str, tuple[str, ...]]]:
    """The title of each row and the groups in it."""
    by_role: dict[Role, list[str]] = {role: [] for role in Role}
    for group in table.groups:
        by_role[group.role].append(group.name)
    layers = [(name, (name,)) for name in reversed(by_role[Role.LAYER])]
    low = [("embeddings", tuple(by_role[Role.EMBEDDINGS]))] if by_role[Role.EMBEDDINGS] else []
    return [("heads", tuple(by_role[Role.HEAD])), *layers, *low]


def _phase_column(
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
            fill, edge = _group_colors(groups[name], max(rates, default=0.0), colors)
            cells.append(
                f'<rect x="{left + number * (wide + 2) + 0.5:.1f}" '
                f'y="{place * (_CELL_HEIGHT + _GAP) + 0.5}" width="{wide - 1:.1f}" '
                f'height="{_CELL_HEIGHT - 1}" rx="2" fill="{fill}" stroke="{edge}"/>'
            )
    return cells


def _group_colors(group: Group, highest: float, colors: Palette) -> tuple[str, str]:
    """Fill and edge of a cell, in the colours of the group's state."""
    learns, frozen = colors.states[State.TRAINABLE], colors.states[State.FROZEN]
    if group.learning_rate is None:
        return frozen.fill, frozen.edge
    if group.role is Role.HEAD:
        return learns.color, learns.color
    share = max(_PALEST, 1 + log10(group.learning_rate / highest) / _DECADES)
    return blend(learns.color, colors.background, share), learns.color


def _text_baseline(place: int) -> float:
    return place * (_CELL_HEIGHT + _GAP) + _CELL_HEIGHT - 2.5


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{"".join(parts)}</svg>'
    )


def _svg_text(
    text: str, x: float, y: float, colors: Palette, anchor: str = "middle", color: str | None = None
) -> str:
    family = FONT_FAMILY.replace('"', "'")
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-family="{family}" font-size="12" '
        f'fill="{color or colors.muted}">{text}</text>'
    )


def _svg_interval(low: float, effect: float, high: float, y: float, colors: Palette) -> list[str]:
    """An interval as a line with its effect as a dot; only the dot if the ends are equal."""
    dot = f'<circle cx="{effect}" cy="{y}" r="5.5" fill="{colors.ink}"/>'
    return [*[_svg_line(low, y, high, y, colors.ink, 2.5)] * (low < high), dot]


def _svg_line(
    x1: float, y1: float, x2: float, y2: float, color: str, width: float, dash: str = ""
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{color}" '
        f'stroke-width="{width}" stroke-linecap="round"{dashes}/>'
    )


def _svg_diamond(x: float, y: float, colors: Palette) -> str:
    points = f"{x},{y - 8} {x + 8},{y} {x},{y + 8} {x - 8},{y}"
    return (
        f'<polygon points="{points}" fill="{colors.background}" '
        f'stroke="{colors.muted}" stroke-width="1.8"/>'
    )
