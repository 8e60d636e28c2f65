"""The losses of the compared runs, head by head, one over the other, and their controls."""

from dataclasses import dataclass

import streamlit as st

from mtl_core.analysis.comparison import ComparedRun, Comparison, lowest_loss
from mtl_core.analysis.summary import TaskProgress
from mtl_core.charts.overlay import OverlaidRun, XAxis, overlay_figure
from mtl_core.charts.theme import Palette
from mtl_core.lessons.titles import task_title
from mtl_core.tasks.task import TaskKind
from mtl_core.ui.keys import Key
from mtl_core.ui.live_chart import live_chart
from mtl_core.ui.page import plain
from mtl_core.ui.run_cards import hue

_TRAIN, _VALIDATION = "train", "validation"
_SMOOTHINGS = {0.0: "none", 0.8: "5 steps", 0.9: "10 steps", 0.97: "33 steps"}
_OF_EACH_TASK = "the best of each task"


@dataclass(frozen=True, slots=True)
class _Shown:
    x_axis: XAxis
    losses: tuple[str, ...]
    smoothing: float
    in_color: str | None  # a label; None: the best of each task


def loss_overlay(comparison: Comparison, colors: Palette) -> None:
    """Controls, and a panel for each task."""
    st.markdown("### Losses")
    shown = _controls(comparison)
    with st.grid(min(2, len(comparison.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(comparison.tasks):
            with st.container(gap="xsmall"):
                _panel(comparison, number, task, shown, colors)


def _controls(comparison: Comparison) -> _Shown:
    labels = [run.label for run in comparison.runs]
    for key, value in (
        (Key.X_AXIS, XAxis.STEP.value),
        (Key.LOSSES, [_TRAIN, _VALIDATION]),
        (Key.SMOOTHING, 0.9),
    ):
        st.session_state.setdefault(key, value)
    if st.session_state.get(Key.IN_COLOR) not in (None, _OF_EACH_TASK, *labels):
        st.session_state[Key.IN_COLOR] = _OF_EACH_TASK
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        axis = st.segmented_control(
            "Horizontal axis", [each.value for each in XAxis], key=Key.X_AXIS, required=True
        )
        losses = st.pills("Losses", [_TRAIN, _VALIDATION], key=Key.LOSSES, selection_mode="multi")
        smoothing = st.segmented_control(
            "Training loss averaged over",
            list(_SMOOTHINGS),
            key=Key.SMOOTHING,
            format_func=lambda weight: _SMOOTHINGS.get(weight, str(weight)),
            required=True,
        )
        picked = st.selectbox("In colour", [_OF_EACH_TASK, *labels], key=Key.IN_COLOR, width=230)
    return _Shown(
        XAxis(axis) if axis in list(XAxis) else XAxis.STEP,
        tuple(losses),
        smoothing if smoothing in _SMOOTHINGS else 0.9,
        picked if picked in labels else None,
    )


def _panel(
    comparison: Comparison, number: int, task: TaskProgress, shown: _Shown, colors: Palette
) -> None:
    name = f"{colors.task(number).letter} · {task_title(task.task.name)}"
    run = _run_in_color(comparison, task.task.name, shown)
    finding = lowest_loss(comparison, task.task.name)
    each = "sentence" if task.task.kind is TaskKind.SENTENCE else "first sub-word of a token"
    with st.container(gap=None):
        st.markdown(f"### :{hue(number)}[{plain(name)}] {plain(finding)}")
        st.caption(
            f"Cross-entropy per {each}. Lines: train; rings: validation. "
            f"In colour: {plain(run.label)}"
        )
    figure = overlay_figure(
        [OverlaidRun(each.label, each.summary, each is run) for each in comparison.runs],
        task.task.name,
        colors.task(number),
        colors,
        x_axis=shown.x_axis,
        train=_TRAIN in shown.losses,
        validation=_VALIDATION in shown.losses,
        smoothing=shown.smoothing,
    )
    live_chart(
        figure,
        title=f"{name} {finding}",
        facts=", ".join(each.label for each in comparison.runs),
        filename=f"compare-{task.task.name}-loss",
        colors=colors,
        key=f"compare_loss_{task.task.name}",
    )


def _run_in_color(comparison: Comparison, task: str, shown: _Shown) -> ComparedRun:
    chosen = [run for run in comparison.runs if run.label == shown.in_color]
    return next(iter([*chosen, *comparison.best(task), *comparison.runs]))
