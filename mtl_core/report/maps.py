"""Maps of the model's parts by plan: which parts learn, and how far each part moved."""

from collections.abc import Iterator, Mapping, Sequence

from mtl_core.analysis.plans import PlanComparison
from mtl_core.charts.maps import (
    MovementQuantity,
    freeze_map,
    map_rows,
    mean_of,
    measured_plans,
    movement_map,
)
from mtl_core.freezing.table import ParameterTable
from mtl_core.report.blocks import Block, figures
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.load import Report
from mtl_core.report.panel import Panel, draw_panel, file_stem

_CAPTIONS = {
    MovementQuantity.MOVED: "Distance from the starting weights, in % of their norm",
    MovementQuantity.CKA: "Linear CKA with the layer before training; 1: unchanged",
    MovementQuantity.GRADIENT: "Mean gradient norm before clipping, while the part is trained",
}
_WIDTH = 560  # pixels

Tables = Mapping[str, Sequence[ParameterTable]]
"""One table per phase, by the label of each plan whose model is known."""


def blocks(report: Report) -> Iterator[Block]:
    """The note's section: the maps of trained parts and of movement."""
    tables, shown = report.tables, report.compared
    panels = [freeze_panel(tables)] if tables else []
    if measured_plans(shown.plans.plans):
        panels.append(movement_panel(shown, tables, MovementQuantity.MOVED))
    yield from figures([draw_panel(panel, _WIDTH) for panel in panels])


def freeze_panel(tables: Tables) -> Panel:
    """Which parts of the model each plan trains."""
    return Panel(
        name="freeze-map",
        lead="",
        title="Trained parts",
        caption=(
            "▲ trained, with the first phase if it is not phase 1; ❄︎ frozen in the whole run; "
            "○ not reached by any loss."
        ),
        draw=lambda colors: freeze_map(tables, colors),
    )


def movement_panel(shown: ComparedRuns, tables: Tables, quantity: MovementQuantity) -> Panel:
    """A measured quantity of each part of the model, under the measured plans."""
    plans = shown.plans.plans
    rows = map_rows([table for each in tables.values() for table in each])
    over = ", mean over seeds" if shown.several_seeds else ""
    return Panel(
        name=f"movement-map-{file_stem(quantity)}",
        lead="",
        title=_movement_title(shown.plans, tables),
        caption=f"{_CAPTIONS[quantity]}{over}.",
        draw=lambda colors: movement_map(
            plans, rows or _measured_groups(shown.plans), colors, quantity
        ),
    )


def _movement_title(comparison: PlanComparison, tables: Tables) -> str:
    """States whether every frozen group kept its values exactly."""
    moved = [
        mean_of(plan, group, MovementQuantity.MOVED)
        for plan in measured_plans(comparison.plans)
        for group in _frozen_groups(tables.get(plan.label, ()))
    ]
    known = [value for value in moved if value is not None]
    if not known:
        return "How far each part moved"
    return "Movement: ✕ a frozen part moved" if any(known) else "Movement: frozen parts exactly 0"


def _frozen_groups(tables: Sequence[ParameterTable]) -> list[str]:
    learning = {g.name for table in tables for g in table.groups if g.totals.trainable}
    return [name for name in map_rows(tables) if name not in learning]


def _measured_groups(comparison: PlanComparison) -> list[str]:
    """The measured groups, heads first; used if no table gives their order."""
    groups = [
        name
        for plan in comparison.plans
        for run in plan.runs.values()
        if run.measured is not None
        for name in run.measured.groups
    ]
    return list(dict.fromkeys(groups))[::-1]
