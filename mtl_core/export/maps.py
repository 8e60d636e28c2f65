"""What each plan lets learn, what moved, and what became of tasks that were not trained."""

from collections.abc import Mapping, Sequence

from mtl_core.analysis.grouped import GroupedComparison, PlanResult
from mtl_core.charts.drift import Drift, drift_figure
from mtl_core.charts.freeze_map import freeze_map, map_rows
from mtl_core.charts.loss import Figure
from mtl_core.charts.movement_map import Quantity, mean_of, measured_plans, movement_map
from mtl_core.charts.theme import Palette
from mtl_core.export.compared import Compared, a_run
from mtl_core.export.panel import Panel, file_stem
from mtl_core.freezing.table import ParameterTable
from mtl_core.lessons.compare_words import metric_name
from mtl_core.lessons.titles import task_title
from mtl_core.tasks.task import Task

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


def movement_panel(shown: Compared, tables: Tables, quantity: Quantity) -> Panel:
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


def drift_panels(shown: Compared, tables: Tables) -> tuple[Panel, ...]:
    """A figure for each task that some plan leaves out."""
    return tuple(
        _drift_panel(number, task, found)
        for number, task in enumerate(shown.plans.tasks)
        if (found := drifts_of(shown, tables, task))
    )


def movement_words(comparison: GroupedComparison, tables: Tables) -> str:
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


def drifts_of(shown: Compared, tables: Tables, task: Task) -> list[Drift]:
    """The task under each plan that does not train its head, or gives it no weight."""
    found = []
    for plan in shown.plans.plans:
        result = plan.tasks.get(task.name)
        if result is None or result.mean is None or result.before is None:
            continue
        if _leaves_out(plan, tables.get(plan.label, ()), task):
            low, high = result.low or 0.0, result.high or 0.0
            said = drift_words(result.before, result.mean, low, high)
            found.append(Drift(plan.label, result.before, result.mean, low, high, said))
    return found


def drift_words(before: float, after: float, low: float, high: float) -> str:
    """What became of the task: nothing, less than the seeds differ by, or how much was lost."""
    if before == low == high:
        return "exactly as before"
    if low <= before <= high:
        return "within the seeds' range"
    change = after - before
    return f"{abs(change):.3f} {'lost' if change < 0 else 'gained'}"


def drift_title(name: str, found: Sequence[Drift]) -> str:
    """What became of a task that was left out: the plan under which it changed most."""
    most = max(found, key=lambda each: abs(each.after - each.before))
    if most.said.endswith(("lost", "gained")):
        return f"{name} left out: {most.said} with {most.label}"
    return f"{name} left out: its score held"


def _drift_panel(number: int, task: Task, found: Sequence[Drift]) -> Panel:
    metric = metric_name(task)

    def draw(colors: Palette) -> Figure:
        return drift_figure(found, metric, colors.task(number), colors)

    return Panel(
        name=f"drift-{number + 1}-{file_stem(task.name)}",
        lead="",
        title=drift_title(task_title(task.name), found),
        caption=(
            f"{metric[0].upper()}{metric[1:]} before and after, where its head is frozen or its "
            "loss has no weight."
        ),
        draw=draw,
        task=number,
    )


def _leaves_out(plan: PlanResult, tables: Sequence[ParameterTable], task: Task) -> bool:
    if a_run(plan).spec.plan.task_weights.get(task.name) == 0:
        return True
    learning = {g.name for table in tables for g in table.groups if g.totals.trainable}
    return bool(tables) and task.head not in learning


def _resting(tables: Sequence[ParameterTable]) -> list[str]:
    learning = {g.name for table in tables for g in table.groups if g.totals.trainable}
    return [name for name in map_rows(tables) if name not in learning]


def _told_rows(comparison: GroupedComparison) -> list[str]:
    """The groups that the runs told, heads first, where no table says their order."""
    groups = [
        name
        for plan in comparison.plans
        for run in plan.runs.values()
        if run.measured is not None
        for name in run.measured.groups
    ]
    return list(dict.fromkeys(groups))[::-1]
