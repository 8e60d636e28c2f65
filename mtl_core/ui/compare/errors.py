"""Draws confusion matrices, and the sentences that two plans label differently."""

import pandas as pd
import streamlit as st

from mtl_core.analysis.marks import GoldLabels, gold_labels
from mtl_core.analysis.plans import PlanResult
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.freezing.titles import task_title
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.errors import (
    ChangedBetween,
    changed_between,
    changed_row,
    confusion_panel,
    plans_with_predictions,
    runs_with_predictions,
)
from mtl_core.report.load import Report
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.task import Task
from mtl_core.ui.compare.compared_now import dataset_of
from mtl_core.ui.shared.data_table import data_table
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain, wide_columns
from mtl_core.ui.shared.panel_view import panel_view
from mtl_core.ui.shared.shot import taking_shot

_ROW_HEIGHT, _HEADER_HEIGHT, _ROWS_HIGH = 35, 36, 9


def errors_view(lab: Lab, report: Report, facts: str, colors: Palette) -> None:
    """Draws both for one task and two plans.

    Draws nothing if no run stored its predictions or its data cannot be read.
    """
    shown = report.compared
    plans = plans_with_predictions(shown)
    if not plans:
        return
    dataset = dataset_of(lab, next(iter(runs_with_predictions(plans[0]).values())).spec)
    if dataset is None:
        return
    gold = gold_labels(dataset)
    st.markdown("## Prediction errors")
    if taking_shot():
        task, first, second = shown.plans.tasks[0], plans[0], plans[-1]
    else:
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            task = _task_picker(shown)
            first = _plan_picker("Plan", Key.FIRST_PLAN_OF_ERRORS, plans, 0)
            second = first
            if len(plans) > 1:
                second = _plan_picker("Compared with", Key.SECOND_PLAN_OF_ERRORS, plans, -1)
    left, right = wide_columns("errors", [5, 8])
    with left, st.container(gap="xsmall"):
        panel = confusion_panel(shown, task, first, gold)
        if panel is not None:
            panel_view(panel, facts, colors, "compare_confusion")
    if len(plans) > 1:
        with right, st.container(gap="xsmall"):
            _changed(task, first, second, dataset, gold)


def _task_picker(shown: ComparedRuns) -> Task:
    tasks = {task.name: task for task in shown.plans.tasks}
    if st.session_state.get(Key.TASK_OF_ERRORS) not in tasks:
        st.session_state[Key.TASK_OF_ERRORS] = next(iter(tasks))
    name = st.segmented_control(
        "Task", list(tasks), key=Key.TASK_OF_ERRORS, format_func=task_title, required=True
    )
    return tasks.get(name or "", shown.plans.tasks[0])


def _plan_picker(title: str, key: Key, plans: list[PlanResult], default: int) -> PlanResult:
    labels = {plan.label: plan for plan in plans}
    if st.session_state.get(key) not in labels:
        st.session_state[key] = plans[default].label
    return labels.get(st.selectbox(title, list(labels), key=key, width=230), plans[default])


def _changed(
    task: Task, first: PlanResult, second: PlanResult, dataset: Dataset, gold: GoldLabels
) -> None:
    if first.label == second.label:
        st.caption("Choose two different plans to list the sentences they label differently.")
        return
    between = changed_between(task, first, second, gold)
    if between is None:
        st.caption("One of the two plans stored no predictions for this task.")
        return
    with st.container(gap=None):
        st.markdown(f"## {plain(between.title)}")
        st.caption(plain(between.caption))
    if between.sentences:
        _sentences_table(between, dataset)


def _sentences_table(between: ChangedBetween, dataset: Dataset) -> None:
    rows = pd.DataFrame([changed_row(each, between, dataset) for each in between.sentences])
    few = len(rows) <= _ROWS_HIGH
    data_table(
        rows,
        key=Key.CHANGED,
        hide_index=True,
        height="content" if few else _HEADER_HEIGHT + _ROWS_HIGH * _ROW_HEIGHT,
        row_height=_ROW_HEIGHT,
        alt="Sentences that two plans label differently",
        column_config={
            "Change": st.column_config.TextColumn("Change", width=64),
            "Sentence": st.column_config.TextColumn("Sentence", width=390),
        },
    )
