"""What each plan lets learn, what moved, and what became of tasks that were not trained."""

from collections.abc import Mapping, Sequence

import streamlit as st

from mtl_core.analysis.grouped import GroupedComparison, PlanResult
from mtl_core.charts.drift import Drift, drift_figure
from mtl_core.charts.freeze_map import freeze_map, map_rows
from mtl_core.charts.movement_map import Quantity, mean_of, measured_plans, movement_map
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.freezing.table import ParameterTable
from mtl_core.lessons.compare_words import metric_name
from mtl_core.lessons.titles import task_title
from mtl_core.tasks.task import Task
from mtl_core.ui.compare_chosen import Compared, a_run, tables_of
from mtl_core.ui.keys import Key
from mtl_core.ui.live_chart import live_chart
from mtl_core.ui.page import plain
from mtl_core.ui.shot import taking_shot

_CAPTIONS = {
    Quantity.MOVED: "Distance moved, % of the starting norm",
    Quantity.CKA: "Linear CKA of a layer's outputs with those before training; 1: as before",
    Quantity.GRADIENT: "Mean gradient norm while the part learned, before clipping",
}

Tables = Mapping[str, Sequence[ParameterTable]]


def maps_row(lab: Lab, shown: Compared, facts: str, colors: Palette) -> None:
    """The freeze map, what was measured of it, and the drift where a task was left out."""
    known = {plan.label: tables_of(lab, plan) for plan in shown.plans.plans}
    tables = {label: each for label, each in known.items() if each}
    measured = measured_plans(shown.plans.plans)
    drifts = [
        (task, found) for task in shown.plans.tasks if (found := drifts_of(shown, tables, task))
    ]
    count = bool(tables) + bool(measured) + len(drifts)
    if not count:
        return
    with st.grid(min(3, max(2, count)), min_column_width=330, gap="medium"):
        if tables:
            with st.container(gap="xsmall"):
                _freeze(tables, facts, colors)
        if measured:
            with st.container(gap="xsmall"):
                _movement(shown, tables, facts, colors)
        for task, found in drifts:
            with st.container(gap="xsmall"):
                _drift(shown, task, found, facts, colors)


def _freeze(tables: Tables, facts: str, colors: Palette) -> None:
    title = "Allowed to learn"
    with st.container(gap=None):
        st.markdown(f"### {title}")
        st.caption(
            "▲ learns, with its first phase; ❄︎ frozen in the whole run; ○ reached by no loss."
        )
    live_chart(
        freeze_map(tables, colors),
        title=title,
        facts=facts,
        filename="compare-freeze-map",
        colors=colors,
        key="compare_freeze_map",
    )


def _movement(shown: Compared, tables: Tables, facts: str, colors: Palette) -> None:
    st.session_state.setdefault(Key.MOVEMENT, Quantity.MOVED.value)
    asked = st.session_state[Key.MOVEMENT]
    quantity = Quantity(asked) if asked in list(Quantity) else Quantity.MOVED
    rows = map_rows([table for each in tables.values() for table in each])
    title = movement_words(shown.plans, tables)
    over = ", mean over seeds" if shown.several_seeds else ""
    with st.container(gap=None):
        st.markdown(f"### {plain(title)}")
        st.caption(f"{_CAPTIONS[quantity]}{over}.")
    live_chart(
        movement_map(shown.plans.plans, rows or _told_rows(shown.plans), colors, quantity),
        title=title,
        facts=facts,
        filename="compare-movement-map",
        colors=colors,
        key="compare_movement_map",
    )
    if taking_shot():
        return
    st.segmented_control(
        "What of it",
        [each.value for each in Quantity],
        key=Key.MOVEMENT,
        required=True,
        label_visibility="collapsed",
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


def _leaves_out(plan: PlanResult, tables: Sequence[ParameterTable], task: Task) -> bool:
    if a_run(plan).spec.plan.task_weights.get(task.name) == 0:
        return True
    learning = {g.name for table in tables for g in table.groups if g.totals.trainable}
    return bool(tables) and task.head not in learning


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


def _drift(
    shown: Compared, task: Task, found: Sequence[Drift], facts: str, colors: Palette
) -> None:
    number = [each.name for each in shown.plans.tasks].index(task.name)
    name = task_title(task.name)
    title = drift_title(name, found)
    with st.container(gap=None):
        st.markdown(f"### {plain(title)}")
        metric = metric_name(task)
        st.caption(
            f"{metric[0].upper()}{metric[1:]} before and after, where its head is frozen or its "
            "loss has no weight."
        )
    live_chart(
        drift_figure(found, metric_name(task), colors.task(number), colors),
        title=title,
        facts=facts,
        filename=f"compare-{task.name}-drift",
        colors=colors,
        key=f"compare_drift_{task.name}",
    )
