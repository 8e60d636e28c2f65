"""Draws the losses of the compared runs or plans, one figure per task, with controls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import streamlit as st

from mtl_core.analysis.plans import PlanComparison
from mtl_core.analysis.training_losses import training_loss_note
from mtl_core.charts.loss_comparison import XAxis
from mtl_core.charts.theme import Palette
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.losses import bands_panel, overlay_panel, training_note
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.panel_view import panel_view
from mtl_core.ui.shared.shot import taking_shot

_TRAIN, _VALIDATION = "train", "validation"
_SMOOTHINGS = {0.0: "none", 0.8: "5 steps", 0.9: "10 steps", 0.97: "33 steps"}
_OF_EACH_TASK = "the best of each task"


class _Options(TypedDict):
    in_color: str | None
    x_axis: XAxis
    train: bool
    validation: bool
    smoothing: float


@dataclass(frozen=True, slots=True)
class _Controls:
    """The values of the controls."""

    x_axis: XAxis
    losses: tuple[str, ...]
    smoothing: float
    in_color: str | None  # a label; None: the best of each task

    @property
    def options(self) -> _Options:
        """The options of the panels."""
        return {
            "in_color": self.in_color,
            "x_axis": self.x_axis,
            "train": _TRAIN in self.losses,
            "validation": _VALIDATION in self.losses,
            "smoothing": self.smoothing,
        }


def loss_overlay(shown: ComparedRuns, facts: str, colors: Palette) -> None:
    """Draws the losses of single runs: controls, and a figure per task."""
    controls = _head([run.label for run in shown.runs], [_TRAIN, _VALIDATION])
    tasks = shown.plans.tasks
    with st.grid(min(2, len(tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(tasks):
            with st.container(gap="xsmall"):
                panel = overlay_panel(shown, number, task, **controls.options)
                panel_view(panel, facts, colors, f"compare_loss_{task.name}")
    _training_caption(controls, training_note(shown))


def loss_bands(comparison: PlanComparison, facts: str, colors: Palette) -> None:
    """Draws the losses of plans over seeds: controls, and a figure per task."""
    controls = _head([plan.label for plan in comparison.plans], [_VALIDATION])
    with st.grid(min(2, len(comparison.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(comparison.tasks):
            with st.container(gap="xsmall"):
                panel = bands_panel(comparison, number, task, **controls.options)
                panel_view(panel, facts, colors, f"compare_loss_{task.name}")
    runs = (run.spec for plan in comparison.plans for run in plan.runs.values())
    _training_caption(controls, training_loss_note(runs))


def _training_caption(controls: _Controls, note: str | None) -> None:
    """Draws what limits the comparison of training losses, if they are shown."""
    if _TRAIN in controls.losses and note:
        st.caption(plain(note))


def _head(labels: Sequence[str], losses: Sequence[str]) -> _Controls:
    """Draws the heading and the controls; `losses` are the initial selection."""
    if taking_shot():
        st.markdown("## Losses")
        return _Controls(XAxis.STEP, tuple(losses), 0.9, None)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown("## Losses", width="content")
        with st.popover("Axis, smoothing, colour", icon=":material/tune:"):
            return _controls(labels, losses)


def _controls(labels: Sequence[str], losses: Sequence[str]) -> _Controls:
    """Draws the controls. Their defaults are their values, which the popover shows when opened."""
    for key, value in (
        (Key.X_AXIS, XAxis.STEP.value),
        (Key.LOSSES, list(losses)),
        (Key.SMOOTHING, 0.9),
    ):
        st.session_state.setdefault(key, value)
    if st.session_state.get(Key.IN_COLOR) not in (None, _OF_EACH_TASK, *labels):
        st.session_state[Key.IN_COLOR] = _OF_EACH_TASK
    axis = st.segmented_control(
        "Horizontal axis",
        [each.value for each in XAxis],
        default=st.session_state[Key.X_AXIS],
        key=Key.X_AXIS,
        required=True,
    )
    shown = st.pills(
        "Losses",
        [_TRAIN, _VALIDATION],
        default=st.session_state[Key.LOSSES],
        key=Key.LOSSES,
        selection_mode="multi",
    )
    smoothing = st.segmented_control(
        "Training loss averaged over",
        list(_SMOOTHINGS),
        default=st.session_state[Key.SMOOTHING],
        key=Key.SMOOTHING,
        format_func=lambda weight: _SMOOTHINGS.get(weight, str(weight)),
        required=True,
    )
    colored = [_OF_EACH_TASK, *labels]
    selected = st.selectbox(
        "In colour",
        colored,
        index=colored.index(st.session_state.get(Key.IN_COLOR) or _OF_EACH_TASK),
        key=Key.IN_COLOR,
        width=230,
    )
    return _Controls(
        XAxis(axis) if axis in list(XAxis) else XAxis.STEP,
        tuple(shown),
        smoothing if smoothing in _SMOOTHINGS else 0.9,
        selected if selected in labels else None,
    )
