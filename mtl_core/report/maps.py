"""What each plan lets learn, and what moved, part by part of the model."""

from collections.abc import Mapping, Sequence

from mtl_core.analysis.plans import PlanComparison
from mtl_core.charts.maps import (
    Quantity,
    freeze_map,
    map_rows,
    mean_of,
    measured_plans,
    movement_map,
)
from mtl_core.freezing.table import ParameterTable
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.panel import Panel, file_stem

_CAPTIONS = {
    Quantity.MOVED: "Distance moved, % of the starting norm",
    Quantity.CKA: "Linear CKA of a layer's outputs with those before training; 1: as before",
    Quantity.GRADIENT: "Mean gradient norm while the part learned, before clipping",
}

Tables = Mapping[str, Sequence[ParameterTable]]
"""By plan, of those whose model is known: a table for each phase."""


def freeze_panel(tables: Tables) -> Panel:
    """Which part of the model each plan lets learn."""
    return Panel(
        name="freeze-map",
        lead="",
        title="Allowed to learn",
        caption="▲ learns, with its first phase; ❄︎ frozen in the whole run; ○ reached by no loss.",
        draw=lambda colors: freeze_map(tables, colors),
    )


def movement_panel(shown: ComparedRuns, tables: Tables, quantity: Quantity) -> Panel:
    """What was measured of each part of the model, under the plans of which a run told it."""
    plans = shown.plans.plans
    rows = map_rows([table for each in tables.values() for table in each])
    over = ", mean over seeds" if shown.several_seeds else ""
    return Panel(
        name=f"movement-map-{file_stem(quantity)}",
        lead="",
        title=movement_words(shown.plans, tables),
        caption=f"{_CAPTIONS[quantity]}{over}.",
        draw=lambda colors: movement_map(plans, rows or _told_rows(shown.plans), colors, quantity),
    )


def movement_words(comparison: PlanComparison, tables: Tables) -> str:
    """The movement map's title: whether every frozen group stood exactly still."""
    resting = [
        mean_of(plan, group, Quantity.MOVED)
        for plan in measured_plans(comparison.plans)
        for group in _resting(tables.get(plan.label, ()))
    ]
    told = [value for value in resting if value is not None]
    if not told:
        return "What moved"
    return (
        "What moved: frozen parts exactly 0" if not any(told) else "What moved: ✕ a frozen part did"
    )


def _resting(tables: Sequence[ParameterTable]) -> list[str]:
    learning = {g.name for table in tables for g in table.groups if g.totals.trainable}
    return [name for name in map_rows(tables) if name not in learning]


def _told_rows(comparison: PlanComparison) -> list[str]:
    """The groups that the runs told, heads first, where no table says their order."""
    groups = [
        name
        for plan in comparison.plans
        for run in plan.runs.values()
        if run.measured is not None
        for name in run.measured.groups
    ]
    return list(dict.fromkeys(groups))[::-1]
