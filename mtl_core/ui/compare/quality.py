"""Quality against cost and against the number of training sentences, with baselines."""

from dataclasses import dataclass

import streamlit as st

from mtl_core.charts.pareto import Cost
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab, the_lab
from mtl_core.errors import FreezeLabError
from mtl_core.report.baselines import (
    BaselinesBySize,
    BaselinesByTask,
    baselines_by_task,
    limits_by_size,
)
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.curve import (
    example_panels,
    size_rows,
    size_table_title,
    sizes_remark,
    sizes_rule,
)
from mtl_core.report.front import front_panel, has_points
from mtl_core.report.load import Report
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.dataset import Dataset
from mtl_core.training.comparison import TrainSize
from mtl_core.ui.compare.compared_now import limited_data, shared_data
from mtl_core.ui.guide.decisions import decisions_link
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.panel_view import panel_view
from mtl_core.ui.shared.shot import taking_shot
from mtl_core.ui.shared.words_table import words_table

_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class BaselineStatus:
    """The baselines of one data set: `known`, or the data that are `pending`, or the `problem`.

    All are empty if the plans do not share their data.
    """

    known: tuple[Baseline, ...] = ()
    pending: Dataset | None = None
    problem: str | None = None


def curve_view(lab: Lab, report: Report, facts: str, colors: Palette) -> None:
    """Draws the curve of each task and its table.

    Without a table for runs that were selected one by one, since these are judged together.
    """
    shown = report.compared
    if not shown.by_size:
        _panels(shown, {}, facts, colors)
        return
    baselines, missing = _baselines_by_size(lab, shown)
    if _panels(shown, baselines, facts, colors):
        _show_missing(missing)
        st.caption(plain(sizes_rule(shown.by_size)))
        if not taking_shot():
            decisions_link()
    st.markdown(f"**{plain(sizes_remark(shown.by_size))}**")


def front_view(lab: Lab, report: Report, facts: str, colors: Palette) -> None:
    """Draws the picker of the cost, and a figure for each task with its baselines."""
    shown = report.compared
    if not has_points(shown):
        return
    cost = _cost_picker()
    status = _baseline_status(lab, shared_data(lab, shown))
    baselines = baselines_by_task(shown, status.known)
    with st.grid(min(2, len(shown.plans.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(shown.plans.tasks):
            panel = front_panel(shown, number, task, cost, baselines.get(task.name, ()))
            with st.container(gap="xsmall"):
                panel_view(panel, facts, colors, f"compare_front_{task.name}")
    _show_missing(status)


def known_baselines(lab: Lab, shown: ComparedRuns) -> BaselinesByTask:
    """Returns the baselines by task that are known now; only a picture of the page waits."""
    data = shared_data(lab, shown) if shown.plans.plans else None
    if data is None:
        return {}
    if taking_shot():
        return baselines_by_task(shown, _baseline_status(lab, data).known)
    return baselines_by_task(shown, lab.baselines.known(data) or ())


def _panels(shown: ComparedRuns, baselines: BaselinesBySize, facts: str, colors: Palette) -> bool:
    """Draws the curves, each above its table; returns whether there are any."""
    panels, tasks = example_panels(shown, baselines), shown.plans.tasks
    if not panels:
        return False
    with st.grid(min(2, len(tasks)), min_column_width=330, gap="medium"):
        for panel, task in zip(panels, tasks, strict=True):
            with st.container(gap="xsmall"):
                panel_view(panel, facts, colors, f"compare_{panel.name}")
                if shown.by_size:
                    rows = size_rows(shown.by_size, task, ranges=False)
                    key = f"{Key.SIZES_TABLE}_{task.name}"
                    words_table(rows, key, plain(size_table_title(task)))
    return True


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


def _baselines_by_size(lab: Lab, shown: ComparedRuns) -> tuple[BaselinesBySize, BaselineStatus]:
    """The known baselines, the largest number first, and the first that is missing.

    They are computed one after another: computing one trains beside a run that is active.
    """
    known: dict[TrainSize, tuple[Baseline, ...]] = {}
    for size, (spec, limits) in limits_by_size(shown).items():
        status = _baseline_status(lab, limited_data(lab, spec, limits))
        known[size] = status.known
        if status.pending is not None or status.problem is not None:
            return known, status
    return known, BaselineStatus()


def _baseline_status(lab: Lab, data: Dataset | None) -> BaselineStatus:
    """Starts computing unknown baselines; only a picture of the page waits for them."""
    if data is None:
        return BaselineStatus()
    try:
        known = lab.baselines.wait_for(data) if taking_shot() else lab.baselines.get(data)
    except FreezeLabError as problem:
        return BaselineStatus(problem=str(problem))
    return BaselineStatus(pending=data) if known is None else BaselineStatus(known)


def _show_missing(status: BaselineStatus) -> None:
    """Shows why baselines are missing, and reruns the page once they are known."""
    if status.problem is not None:
        missing = "The baselines (majority class and bag of words) are not shown."
        st.caption(f"{missing} {plain(status.problem)}")
    elif status.pending is not None:
        st.fragment(_poll, run_every=_POLL_SECONDS)(status.pending)


def _poll(data: Dataset) -> None:
    if not the_lab().baselines.is_computing(data):
        st.rerun(scope="app")
    st.caption(
        "Computing two baselines for this data, majority class and bag of words. They appear in "
        "the figures when they are ready."
    )
