"""A fold of the Compare page: what the runs measured of themselves, each with how to read it."""

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.freezing.titles import task_title
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.inside import (
    any_measured,
    converged,
    convergence_row,
    cosine_row,
    cosines,
    likeness_panel,
    probe_panel,
)
from mtl_core.report.inside_words import (
    CONVERGENCE_CAPTION,
    COSINE_CAPTION,
    convergence_title,
    cosine_title,
)
from mtl_core.report.load import Report
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.panel_view import panel_view
from mtl_core.ui.shared.words_table import words_table

_PULL = ("The tasks pull",)


def inside_view(_lab: Lab, report: Report, facts: str, colors: Palette) -> None:
    """The fold, closed at first; nothing before any run has finished."""
    shown = report.compared
    if not converged(shown):
        return
    with st.expander("What moved inside", key=Key.INSIDE):
        if not any_measured(shown):
            st.caption(
                "These runs did not measure what moves inside them: they were started with "
                "`--no-measures`, or by an older version. Only their losses tell something."
            )
        with st.grid(2, min_column_width=330, gap="medium"):
            _likeness(shown, facts, colors)
            _cosines(shown)
            _probes(shown, facts, colors)
        _convergence(shown)


def _likeness(shown: ComparedRuns, facts: str, colors: Palette) -> None:
    panel = likeness_panel(shown)
    if panel is not None:
        with st.container(gap="xsmall"):
            panel_view(panel, facts, colors, "compare_likeness")


def _cosines(shown: ComparedRuns) -> None:
    if not any_measured(shown):
        return
    for number, ((one, other), told) in enumerate(cosines(shown).items()):
        several = len(shown.plans.tasks) > 2
        names = f"{task_title(one.name)} and {task_title(other.name)}: " if several else ""
        rows = [cosine_row(label, found) for label, found in told.items()]
        with st.container(gap="xsmall"):
            _titled(f"{names}{cosine_title(told)}", COSINE_CAPTION)
            key = f"{Key.COSINES}_{number}"
            words_table(rows, key, "Cosines between the tasks' gradients", _PULL)


def _probes(shown: ComparedRuns, facts: str, colors: Palette) -> None:
    for number, task in enumerate(shown.plans.tasks):
        panel = probe_panel(shown, number, task)
        if panel is not None:
            with st.container(gap="xsmall"):
                panel_view(panel, facts, colors, f"compare_{panel.name}")


def _convergence(shown: ComparedRuns) -> None:
    told = converged(shown)
    rows = [convergence_row(shown, label, found) for label, found in told.items()]
    with st.container(gap="xsmall"):
        _titled(convergence_title(told), CONVERGENCE_CAPTION)
        tasks = [task_title(task.name) for task in shown.plans.tasks]
        alt = "Where each plan's validation loss stood at the end"
        words_table(rows, Key.CONVERGENCE, alt, tasks)


def _titled(title: str, caption: str) -> None:
    with st.container(gap=None):
        st.markdown(f"### {plain(title)}")
        st.caption(plain(caption))
