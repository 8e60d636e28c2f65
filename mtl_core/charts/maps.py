"""Maps of a model's parts by plan: which parts learn, and how far each part moved."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import log
from statistics import fmean

from mtl_core.analysis.plans import PlanResult
from mtl_core.charts.cells import Cell, cell_figure
from mtl_core.charts.theme import Figure, Palette, blend, text_color_on
from mtl_core.freezing.table import Group, ParameterTable, State
from mtl_core.freezing.table_text import SIGNS
from mtl_core.models.description import Role
from mtl_core.training.events import Movement

_ORDER = (Role.HEAD, Role.POOLER, Role.LAYER, Role.EMBEDDINGS)
_TINT = {"light": 0.15, "dark": 0.34}
_PARTLY = 0.45  # strength of the colour of a group in which only some parameters learn
_PALEST = 0.14
_SMALLEST_SPAN = log(10)  # so that values a few per cent apart get similar colours


class MovementQuantity(StrEnum):
    """The measurement of a group that the movement map shows."""

    MOVED = "distance"
    CKA = "similarity"
    GRADIENT = "gradient"


def map_rows(tables: Sequence[ParameterTable]) -> tuple[str, ...]:
    """The groups of a model, from the heads down to the embeddings."""
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
    """Builds the map of trained parts. `plans` holds one table per phase, by plan label.

    ▲: learns in some phase, with the number of the first if it is not phase 1. ❄︎: frozen in all
    phases. ○: no loss reaches it. A group is paler if only some of its parameters are trained.
    """
    rows = map_rows([table for tables in plans.values() for table in tables])
    cells = {
        (row, label): _freeze_cell(row, label, tables, colors)
        for label, tables in plans.items()
        for row in rows
        if any(group.name == row for table in tables for group in table.groups)
    }
    return cell_figure(rows, list(plans), cells, colors)


def movement_map(
    plans: Sequence[PlanResult], rows: Sequence[str], colors: Palette, quantity: MovementQuantity
) -> Figure:
    """Builds the map of one quantity, as the mean over seeds; `rows` from top to bottom.

    Distance: from the starting weights, in % of their norm; exactly 0 for a frozen group.
    Similarity: linear CKA with the layer before training (Kornblith et al. 2019), 1 if unchanged.
    Gradient: mean norm before clipping. The stronger the colour, the larger the change, on a
    logarithmic scale: heads move a hundred times as far as low layers.
    """
    values = {
        (row, plan.label): value
        for plan in measured_plans(plans)
        for row in rows
        if (value := mean_of(plan, row, quantity)) is not None
    }
    strengths = _strengths({key: _change(value, quantity) for key, value in values.items()})
    cells = {
        key: _movement_cell(key, value, strengths.get(key), quantity, colors)
        for key, value in values.items()
    }
    used = [row for row in rows if any(key[0] == row for key in cells)]
    return cell_figure(used, [plan.label for plan in measured_plans(plans)], cells, colors)


def measured_plans(plans: Sequence[PlanResult]) -> tuple[PlanResult, ...]:
    """The plans with a run that measured movement."""
    return tuple(plan for plan in plans if _movements(plan))


def mean_of(plan: PlanResult, group: str, quantity: MovementQuantity) -> float | None:
    """Mean of a group's quantity over the plan's measured seeds; None if no run measured it."""
    movements = [groups[group] for groups in _movements(plan) if group in groups]
    match quantity:
        case MovementQuantity.MOVED:
            values = [each.moved for each in movements]
        case MovementQuantity.CKA:
            values = [each.cka for each in movements if each.cka is not None]
        case MovementQuantity.GRADIENT:
            values = [each.gradient_norm for each in movements if each.gradient_norm is not None]
    return fmean(values) if values else None


def value_text(value: float, quantity: MovementQuantity) -> str:
    """The text of a cell: `9.5`, `0.38`; `0` (or `1` for CKA) only if the value is exact."""
    if quantity is MovementQuantity.CKA:
        return "1" if value == 1 else f"{value:.2f}"
    shown = 100 * value if quantity is MovementQuantity.MOVED else value
    if shown == 0:
        return "0"
    if shown >= 9.95:
        return f"{shown:,.0f}"
    return f"{shown:.1f}" if shown >= 0.995 else f"{float(f'{shown:.2g}'):g}"


def _freeze_cell(row: str, label: str, tables: Sequence[ParameterTable], colors: Palette) -> Cell:
    by_phase = [
        (table.phase_number, next(each for each in table.groups if each.name == row))
        for table in tables
    ]
    learning = [(number, group) for number, group in by_phase if group.totals.trainable]
    if not learning:
        return _frozen_cell(row, label, by_phase[-1][1], colors)
    most = max((group for _, group in learning), key=lambda group: group.totals.trainable)
    first = learning[0][0]
    whole = most.totals.trainable + most.totals.unreached == most.totals.all
    color = colors.states[State.TRAINABLE].color
    fill = color if whole else blend(color, colors.background, _PARTLY)
    part = "" if whole else f", {most.totals.trainable:,} of {most.totals.all:,} parameters"
    return Cell(
        text=f"{SIGNS[State.TRAINABLE]} {first}" if first > 1 else SIGNS[State.TRAINABLE],
        fill=fill,
        ink=text_color_on(fill),
        hover=f"{label}, {row}: trained{f' from phase {first}' if first > 1 else ''}{part}",
    )


def _frozen_cell(row: str, label: str, group: Group, colors: Palette) -> Cell:
    state = State.UNREACHED if group.totals.unreached and not group.totals.frozen else State.FROZEN
    return Cell(
        text=SIGNS[state],
        fill=_frozen_fill(state, colors),
        ink=colors.states[state].on_fill,
        hover=f"{label}, {row}: {'no loss reaches it' if state is State.UNREACHED else 'frozen'}",
    )


def _frozen_fill(state: State, colors: Palette) -> str:
    """The opaque fill of a cell in which nothing learns."""
    return blend(colors.states[state].color, colors.background, _TINT[colors.name])


def _movements(plan: PlanResult) -> list[Mapping[str, Movement]]:
    """The measurements of each measured run, by group."""
    runs = plan.runs.values()
    return [run.measured.groups for run in runs if run.measured is not None]


def _change(value: float, quantity: MovementQuantity) -> float:
    """The size of the change that the colour shows; 0 for none."""
    return max(0.0, 1 - value) if quantity is MovementQuantity.CKA else value


def _strengths(changes: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """The colour strength of each change above 0, from `_PALEST` to 1."""
    above = [value for value in changes.values() if value > 0]
    if not above:
        return {}
    high = log(max(above))
    low = min(log(min(above)), high - _SMALLEST_SPAN)
    return {
        key: _PALEST + (1 - _PALEST) * (log(value) - low) / (high - low)
        for key, value in changes.items()
        if value > 0
    }


def _movement_cell(
    key: tuple[str, str],
    value: float,
    strength: float | None,
    quantity: MovementQuantity,
    colors: Palette,
) -> Cell:
    if strength is None:
        fill = _frozen_fill(State.FROZEN, colors)
        ink = colors.states[State.FROZEN].on_fill
    else:
        fill = blend(colors.states[State.TRAINABLE].color, colors.background, strength)
        ink = text_color_on(fill)
    row, label = key
    return Cell(
        value_text(value, quantity), fill, ink, f"{label}, {row}: {_value_hover(value, quantity)}"
    )


def _value_hover(value: float, quantity: MovementQuantity) -> str:
    match quantity:
        case MovementQuantity.MOVED:
            return "did not move" if value == 0 else f"moved {100 * value:.4g} % of its norm"
        case MovementQuantity.CKA:
            return f"CKA with the layer before training {value:.4f}"
        case MovementQuantity.GRADIENT:
            return f"mean gradient norm {value:.4g}"
