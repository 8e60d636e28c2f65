"""Draws the tasks that a plan leaves out, before and after training, and scores on other data."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.analysis.forgetting import Forgetting
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.forgetting import (
    ELSEWHERE_CAPTION,
    FORGOTTEN_CAPTION,
    drift_panel,
    elsewhere,
    elsewhere_row,
    elsewhere_title,
    forgetting_sentence,
    forgotten_row,
    untrained_tasks,
)
from mtl_core.report.load import Report
from mtl_core.tasks.data_name import data_name
from mtl_core.tasks.task import Task
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.panel_view import panel_view
from mtl_core.ui.shared.words_table import words_table

_TEXT_COLUMNS = ("Task", "Verdict", "Reason")


def drift_view(
    shown: ComparedRuns, task: Task, found: Sequence[Forgetting], facts: str, colors: Palette
) -> None:
    """Draws the task's score before and after training, with a sentence per plan."""
    panel = drift_panel(shown, task, found)
    panel_view(panel, facts, colors, f"compare_{panel.name}")
    for each in found:
        st.caption(plain(forgetting_sentence(each)))


def forgotten_table(_lab: Lab, report: Report, _facts: str, _colors: Palette) -> None:
    """Draws the metric and loss of untrained tasks; nothing if every plan trains every task."""
    untrained = untrained_tasks(report.compared)
    rows = [forgotten_row(each) for found in untrained.values() for each in found]
    if not rows:
        return
    with st.container(gap=None):
        st.markdown("## Tasks that were not trained")
        st.caption(FORGOTTEN_CAPTION)
    alt = "Tasks that were not trained, before and after training"
    words_table(rows, Key.LEFT_OUT_TASKS, alt, _TEXT_COLUMNS)


def elsewhere_tables(_lab: Lab, report: Report, _facts: str, _colors: Palette) -> None:
    """Draws a table of scores for each other data set."""
    shown = report.compared
    names = [task.name for task in shown.plans.tasks]
    for number, (data, found) in enumerate(elsewhere(shown).items()):
        with st.container(gap=None):
            st.markdown(f"## {plain(elsewhere_title(data_name(data, names), found))}")
            st.caption(ELSEWHERE_CAPTION)
        rows = [elsewhere_row(each) for each in found]
        words_table(rows, f"{Key.OTHER_DATA_SCORES}_{number}", f"Scores on {data}", _TEXT_COLUMNS)
