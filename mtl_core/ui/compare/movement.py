"""The expander of the Compare page with changes inside the model and convergence."""

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.freezing.titles import task_title
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.load import Report
from mtl_core.report.losses import (
    CONVERGENCE_CAPTION,
    convergence_by_plan,
    convergence_row,
    convergence_title,
)
from mtl_core.report.movement import (
    COSINE_CAPTION,
    COSINE_COLUMN,
    any_measured,
    cosine_row,
    cosine_title,
    gradient_cosines,
    probe_panel,
    similarity_panel,
)
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.panel_view import panel_view
from mtl_core.ui.shared.words_table import words_table


def movement_view(_lab: Lab, report: Report, facts: str, colors: Palette) -> None:
    """Draws the expander, initially closed; nothing before a run has finished."""
    shown = report.compared
    if not convergence_by_plan(shown):
        return
    with st.expander("Changes inside the model", key=Key.INSIDE):
        if not any_measured(shown):
            st.caption(
                "These runs did not measure changes inside the model: they were started with "
                "`--no-measures` or by an older version. Only convergence is available."
            )
        with st.grid(2, min_column_width=330, gap="medium"):
            _similarity(shown, facts, colors)
            _cosines(shown)
            _probes(shown, facts, colors)
        _convergence(shown)


def _similarity(shown: ComparedRuns, facts: str, colors: Palette) -> None:
    panel = similarity_panel(shown)
    if panel is not None:
        with st.container(gap="xsmall"):
            panel_view(panel, facts, colors, "compare_likeness")


def _cosines(shown: ComparedRuns) -> None:
    if not any_measured(shown):
        return
    for number, ((one, other), cosines) in enumerate(gradient_cosines(shown).items()):
        several = len(shown.plans.tasks) > 2
        names = f"{task_title(one.name)} and {task_title(other.name)}: " if several else ""
        rows = [cosine_row(label, cosine) for label, cosine in cosines.items()]
        with st.container(gap="xsmall"):
            _heading(f"{names}{cosine_title(cosines)}", COSINE_CAPTION)
            key = f"{Key.COSINES}_{number}"
            words_table(rows, key, "Cosines between the tasks' gradients", (COSINE_COLUMN,))


def _probes(shown: ComparedRuns, facts: str, colors: Palette) -> None:
    for number, task in enumerate(shown.plans.tasks):
        panel = probe_panel(shown, number, task)
        if panel is not None:
            with st.container(gap="xsmall"):
                panel_view(panel, facts, colors, f"compare_{panel.name}")


def _convergence(shown: ComparedRuns) -> None:
    plans = convergence_by_plan(shown)
    rows = [convergence_row(shown, label, found) for label, found in plans.items()]
    with st.container(gap="xsmall"):
        _heading(convergence_title(plans), CONVERGENCE_CAPTION)
        tasks = [task_title(task.name) for task in shown.plans.tasks]
        words_table(rows, Key.CONVERGENCE, "Convergence of each plan's validation loss", tasks)


def _heading(title: str, caption: str) -> None:
    with st.container(gap=None):
        st.markdown(f"## {plain(title)}")
        st.caption(plain(caption))
