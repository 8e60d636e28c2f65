"""Quality of each plan against what it costs, head by head."""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from mtl_core.analysis.front import front
from mtl_core.analysis.grouped import GroupedComparison
from mtl_core.charts.pareto import Baseline, pareto_figure
from mtl_core.charts.pareto_axis import Cost, cost_of
from mtl_core.charts.theme import Palette
from mtl_core.lessons.compare_words import front_words, metric_name
from mtl_core.lessons.titles import task_title
from mtl_core.tasks.task import Task
from mtl_core.ui.compare_chosen import Compared
from mtl_core.ui.keys import Key
from mtl_core.ui.live_chart import live_chart
from mtl_core.ui.page import plain
from mtl_core.ui.run_cards import hue
from mtl_core.ui.shot import taking_shot

_PAID = {Cost.SECONDS: "time", Cost.MEMORY: "memory", Cost.SHARE: "trained share"}


def front_figures(
    shown: Compared,
    baselines: Mapping[str, Sequence[Baseline]],
    facts: str,
    colors: Palette,
) -> None:
    """The choice of the cost, and a figure for each task. `baselines` are by task."""
    cost = _cost_picker()
    with st.grid(min(2, len(shown.plans.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(shown.plans.tasks):
            with st.container(gap="xsmall"):
                _panel(shown, number, task, cost, baselines.get(task.name, ()), facts, colors)


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


def _panel(
    shown: Compared,
    number: int,
    task: Task,
    cost: Cost,
    baselines: Sequence[Baseline],
    facts: str,
    colors: Palette,
) -> None:
    name = f"{colors.task(number).letter} · {task_title(task.name)}"
    finding = _finding(shown.plans, task.name, cost)
    with st.container(gap=None):
        st.markdown(f"### :{hue(number)}[{plain(name)}]: {plain(finding)}")
        st.caption(_caption(shown, task))
    live_chart(
        pareto_figure(
            shown.plans,
            task.name,
            front(shown.plans.plans, task.name, partial(cost_of, cost=cost)),
            colors.task(number),
            colors,
            cost=cost,
            baselines=baselines,
        ),
        title=f"{name}: {finding}",
        facts=facts,
        filename=f"compare-{task.name}-front",
        colors=colors,
        key=f"compare_front_{task.name}",
    )


def _finding(comparison: GroupedComparison, task: str, cost: Cost) -> str:
    costs = [
        (plan.label, value)
        for plan in comparison.plans
        if (value := cost_of(plan, cost)) is not None
    ]
    return front_words(comparison, task, costs, _PAID[cost])


def _caption(shown: Compared, task: Task) -> str:
    count = next(
        (
            run.summary.examples[task.name]["validation"]
            for run in shown.comparison.runs
            if "validation" in run.summary.examples.get(task.name, {})
        ),
        None,
    )
    metric = metric_name(task)
    on = f" on {count:,} validation sentences" if count else ""
    bars = (
        " Bars: lowest to highest seed."
        if shown.several_seeds
        else " One seed each: no difference is told from luck."
    )
    return f"{metric[0].upper()}{metric[1:]}{on}. Filled: on the Pareto front.{bars}"
