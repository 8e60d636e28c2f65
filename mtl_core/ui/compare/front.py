"""Quality of each plan against what it costs, head by head."""

import streamlit as st

from mtl_core.charts.pareto import Cost
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.front import baselines_by_task, front_panel
from mtl_core.ui.compare.baselines import baselines_of_data_now, say_what_is_missing
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.panel_view import panel_view
from mtl_core.ui.shared.shot import taking_shot


def front_figures(lab: Lab, shown: ComparedRuns, facts: str, colors: Palette) -> None:
    """The choice of the cost, and a figure for each task with its baselines."""
    cost = _cost_picker()
    of_data = baselines_of_data_now(lab, shown)
    baselines = baselines_by_task(shown, of_data.known)
    with st.grid(min(2, len(shown.plans.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(shown.plans.tasks):
            panel = front_panel(shown, number, task, cost, baselines.get(task.name, ()))
            with st.container(gap="xsmall"):
                panel_view(panel, facts, colors, f"compare_front_{task.name}")
    say_what_is_missing(of_data)


def _cost_picker() -> Cost:
    if taking_shot():
        return Cost.SECONDS
    st.session_state.setdefault(Key.COST_AXIS, Cost.SECONDS.value)
    picked = st.segmented_control(
        "Quality against",
        [each.value for each in Cost],
        key=Key.COST_AXIS,
        required=True,
        label_visibility="collapsed",
    )
    return Cost(picked) if picked in list(Cost) else Cost.SECONDS
