"""Draws the maps of a model's parts, and the scores of tasks that were not trained."""

import streamlit as st

from mtl_core.charts.maps import MovementQuantity, measured_plans
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.forgetting import untrained_tasks
from mtl_core.report.load import Report
from mtl_core.report.maps import Tables, freeze_panel, movement_panel
from mtl_core.ui.compare.forgetting import drift_view
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.panel_view import panel_view
from mtl_core.ui.shared.shot import taking_shot


def maps_row(_lab: Lab, report: Report, facts: str, colors: Palette) -> None:
    """Draws the freeze map, the movement map, and the scores of tasks that a plan did not train."""
    shown, tables = report.compared, report.tables
    measured = measured_plans(shown.plans.plans)
    untrained = untrained_tasks(shown)
    count = bool(tables) + bool(measured) + len(untrained)
    if not count:
        return
    with st.grid(min(3, max(2, count)), min_column_width=330, gap="medium"):
        if tables:
            with st.container(gap="xsmall"):
                panel_view(freeze_panel(tables), facts, colors, "compare_freeze_map")
        if measured:
            with st.container(gap="xsmall"):
                _movement(shown, tables, facts, colors)
        for task, found in untrained.items():
            with st.container(gap="xsmall"):
                drift_view(shown, task, found, facts, colors)


def _movement(shown: ComparedRuns, tables: Tables, facts: str, colors: Palette) -> None:
    st.session_state.setdefault(Key.MOVEMENT, MovementQuantity.MOVED.value)
    selected = st.session_state[Key.MOVEMENT]
    quantity = (
        MovementQuantity(selected) if selected in list(MovementQuantity) else MovementQuantity.MOVED
    )
    panel_view(movement_panel(shown, tables, quantity), facts, colors, "compare_movement_map")
    if taking_shot():
        return
    st.segmented_control(
        "Quantity",
        [each.value for each in MovementQuantity],
        key=Key.MOVEMENT,
        required=True,
        label_visibility="collapsed",
    )
