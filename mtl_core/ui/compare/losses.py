"""The loss of each compared run or plan, head by head, one over the other, and the controls."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from mtl_core.analysis.plans import PlanComparison
from mtl_core.charts.loss_comparison import OverlaidRun, XAxis, overlay_figure
from mtl_core.charts.theme import Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.compared import ComparedRuns, LabelledRun
from mtl_core.report.losses import bands_panel, lowest_loss
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.live_chart import live_chart
from mtl_core.ui.shared.page import hue, plain
from mtl_core.ui.shared.panel_view import panel_view
from mtl_core.ui.shared.shot import taking_shot

_TRAIN, _VALIDATION = "train", "validation"
_SMOOTHINGS = {0.0: "none", 0.8: "5 steps", 0.9: "10 steps", 0.97: "33 steps"}
_OF_EACH_TASK = "the best of each task"


@dataclass(frozen=True, slots=True)
class _Shown:
    x_axis: XAxis
    losses: tuple[str, ...]
    smoothing: float
    in_color: str | None  # a label; None: the best of each task


def loss_overlay(shown: ComparedRuns, colors: Palette) -> None:
    """The losses of single runs: controls, and a panel for each task."""
    controls = _head([run.label for run in shown.runs], [_TRAIN, _VALIDATION])
    tasks = shown.plans.tasks
    with st.grid(min(2, len(tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(tasks):
            with st.container(gap="xsmall"):
                _panel(shown, number, task, controls, colors)


def loss_bands(comparison: PlanComparison, facts: str, colors: Palette) -> None:
    """The losses of plans over seeds: controls, and a panel for each task."""
    shown = _head([plan.label for plan in comparison.plans], [_VALIDATION])
    with st.grid(min(2, len(comparison.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(comparison.tasks):
            with st.container(gap="xsmall"):
                panel = bands_panel(
                    comparison,
                    number,
                    task,
                    in_color=shown.in_color,
                    x_axis=shown.x_axis,
                    train=_TRAIN in shown.losses,
                    validation=_VALIDATION in shown.losses,
                    smoothing=shown.smoothing,
                )
                panel_view(panel, facts, colors, f"compare_loss_{task.name}")


def _head(labels: Sequence[str], losses: Sequence[str]) -> _Shown:
    """The heading, and beside it the folded controls. `losses` are those shown at first."""
    if taking_shot():
        st.markdown("### Losses")
        return _Shown(XAxis.STEP, tuple(losses), 0.9, None)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown("### Losses", width="content")
        with st.popover("Axis, smoothing, colour", icon=":material/tune:"):
            return _controls(labels, losses)


def _controls(labels: Sequence[str], losses: Sequence[str]) -> _Shown:
    for key, value in (
        (Key.X_AXIS, XAxis.STEP.value),
        (Key.LOSSES, list(losses)),
        (Key.SMOOTHING, 0.9),
    ):
        st.session_state.setdefault(key, value)
    if st.session_state.get(Key.IN_COLOR) not in (None, _OF_EACH_TASK, *labels):
        st.session_state[Key.IN_COLOR] = _OF_EACH_TASK
    axis = st.segmented_control(
        "Horizontal axis", [each.value for each in XAxis], key=Key.X_AXIS, required=True
    )
    shown = st.pills("Losses", [_TRAIN, _VALIDATION], key=Key.LOSSES, selection_mode="multi")
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
        tuple(shown),
        smoothing if smoothing in _SMOOTHINGS else 0.9,
        picked if picked in labels else None,
    )


def _panel(shown: ComparedRuns, number: int, task: Task, controls: _Shown, colors: Palette) -> None:
    name = f"{colors.task(number).letter} · {task_title(task.name)}"
    run = _run_in_color(shown, task.name, controls)
    finding = lowest_loss(shown, task.name)
    each = "sentence" if task.kind is TaskKind.SENTENCE else "first sub-word of a token"
    with st.container(gap=None):
        st.markdown(f"### :{hue(number)}[{plain(name)}] {plain(finding)}")
        st.caption(
            f"Cross-entropy per {each}. Lines: train; rings: validation. "
            f"In colour: {plain(run.label)}"
        )
    figure = overlay_figure(
        [OverlaidRun(each.label, each.summary, each is run) for each in shown.runs],
        task.name,
        colors.task(number),
        colors,
        x_axis=controls.x_axis,
        train=_TRAIN in controls.losses,
        validation=_VALIDATION in controls.losses,
        smoothing=controls.smoothing,
    )
    live_chart(
        figure,
        title=f"{name} {finding}",
        facts=", ".join(each.label for each in shown.runs),
        filename=f"compare-{task.name}-loss",
        colors=colors,
        key=f"compare_loss_{task.name}",
    )


def _run_in_color(shown: ComparedRuns, task: str, controls: _Shown) -> LabelledRun:
    selected = [run for run in shown.runs if run.label == controls.in_color]
    return selected[0] if selected else shown.best_run(task)
