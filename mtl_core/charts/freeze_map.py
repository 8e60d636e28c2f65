"""Which part of the model each plan lets learn: plans across, heads on top as in the stack."""

from collections.abc import Mapping, Sequence

from mtl_core.charts.cells import Cell, blended, cell_figure, ink_on
from mtl_core.charts.loss import Figure
from mtl_core.charts.theme import Palette
from mtl_core.freezing.table import Group, ParameterTable, State
from mtl_core.freezing.table_text import SIGNS
from mtl_core.models.description import Role

_ORDER = (Role.HEAD, Role.POOLER, Role.LAYER, Role.EMBEDDINGS)
_TINT = {"light": 0.15, "dark": 0.34}
_PARTLY = 0.45
"""How strong the colour of a group is of which only some parameters learn."""


def map_rows(tables: Sequence[ParameterTable]) -> tuple[str, ...]:
    """The groups of a model from the heads down to the embeddings."""
    groups = {group.name: group.role for table in tables for group in table.groups}
    names = list(groups)
    return tuple(
        sorted(
            names,
            key=lambda name: (
                _ORDER.index(groups[name]) if groups[name] in _ORDER else len(_ORDER),
                names.index(name) if groups[name] is Role.HEAD else -names.index(name),
            ),
        )
    )


def freeze_map(plans: Mapping[str, Sequence[ParameterTable]], colors: Palette) -> Figure:
    """A Plotly figure as plain values. `plans` are by label, each with a table for each phase.

    ▲ learns in some phase (with the phase's number where that is not the first), ❄︎ in none, ○ no
    loss reaches it. A group of which only some parameters learn is paler.
    """
    rows = map_rows([table for tables in plans.values() for table in tables])
    cells = {
        (row, label): _cell(row, label, tables, colors)
        for label, tables in plans.items()
        for row in rows
        if any(group.name == row for table in tables for group in table.groups)
    }
    return cell_figure(rows, list(plans), cells, colors)


def _cell(row: str, label: str, tables: Sequence[ParameterTable], colors: Palette) -> Cell:
    by_phase = [
        (table.phase_number, next(each for each in table.groups if each.name == row))
        for table in tables
    ]
    learning = [(number, group) for number, group in by_phase if group.totals.trainable]
    if not learning:
        return _resting(row, label, by_phase[-1][1], colors)
    most = max((group for _, group in learning), key=lambda group: group.totals.trainable)
    first = learning[0][0]
    whole = most.totals.trainable + most.totals.unreached == most.totals.all
    color = colors.states[State.TRAINABLE].color
    fill = color if whole else blended(color, colors.background, _PARTLY)
    part = "" if whole else f", {most.totals.trainable:,} of {most.totals.all:,} parameters"
    return Cell(
        text=f"{SIGNS[State.TRAINABLE]} {first}" if first > 1 else SIGNS[State.TRAINABLE],
        fill=fill,
        ink=ink_on(fill),
        said=f"{label}, {row}: learns{f' from phase {first}' if first > 1 else ''}{part}",
    )


def _resting(row: str, label: str, group: Group, colors: Palette) -> Cell:
    state = State.UNREACHED if group.totals.unreached and not group.totals.frozen else State.FROZEN
    return Cell(
        text=SIGNS[state],
        fill=resting_fill(state, colors),
        ink=colors.states[state].on_fill,
        said=f"{label}, {row}: {'no loss reaches it' if state is State.UNREACHED else 'frozen'}",
    )


def resting_fill(state: State, colors: Palette) -> str:
    """The opaque ground of a cell in which nothing learns."""
    return blended(colors.states[state].color, colors.background, _TINT[colors.name])
