"""Quality against the number of training sentences, where plans were run with several numbers."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.analysis.grouped import PlanResult
from mtl_core.charts.by_examples import ExampleCurve, WithExamples, by_examples_figure
from mtl_core.charts.theme import Palette
from mtl_core.lessons.compare_words import metric_name
from mtl_core.lessons.run_words import plan_words
from mtl_core.lessons.titles import task_title
from mtl_core.tasks.task import Task
from mtl_core.ui.compare_chosen import Compared, a_run
from mtl_core.ui.live_chart import live_chart
from mtl_core.ui.page import plain
from mtl_core.ui.run_cards import hue


def by_examples(shown: Compared, facts: str, colors: Palette) -> None:
    """A figure for each task; nothing where every plan was run with one number of sentences."""
    curves = {task.name: example_curves(shown.plans.plans, task) for task in shown.plans.tasks}
    counts = {p.examples for each in curves.values() for curve in each for p in curve.points}
    if len(counts) < 2:
        return
    with st.grid(min(2, len(curves)), min_column_width=330, gap="medium"):
        for number, task in enumerate(shown.plans.tasks):
            with st.container(gap="xsmall"):
                _panel(number, task, curves[task.name], facts, colors)


def example_curves(plans: Sequence[PlanResult], task: Task) -> tuple[ExampleCurve, ...]:
    """One curve for each plan; the one that ends highest is in colour."""
    points: dict[str, list[WithExamples]] = {}
    for plan in plans:
        result, run = plan.tasks.get(task.name), a_run(plan)
        told = run.examples.get(task.name, {}).get("train")
        sentences = run.spec.examples.get(task.name) or told
        if result is None or result.mean is None or not sentences:
            continue
        low, high = result.low or 0.0, result.high or 0.0
        label = plan_words(run.spec)
        points.setdefault(label, []).append(WithExamples(sentences, result.mean, low, high))
    if not points:
        return ()
    best = max(points, key=lambda label: max(points[label], key=lambda p: p.examples).mean)
    return tuple(ExampleCurve(label, tuple(each), label == best) for label, each in points.items())


def _panel(
    number: int, task: Task, curves: Sequence[ExampleCurve], facts: str, colors: Palette
) -> None:
    name = f"{colors.task(number).letter} · {task_title(task.name)}"
    title = _title(curves)
    with st.container(gap=None):
        st.markdown(f"### :{hue(number)}[{plain(name)}]: {plain(title)}")
        st.caption(f"{metric_name(task)} by training sentences; band: lowest to highest seed.")
    live_chart(
        by_examples_figure(curves, colors.task(number), colors),
        title=f"{name}: {title}",
        facts=facts,
        filename=f"compare-{task.name}-examples",
        colors=colors,
        key=f"compare_examples_{task.name}",
    )


def _title(curves: Sequence[ExampleCurve]) -> str:
    """Which plan leads with the fewest sentences, and which with the most."""
    counts = sorted({point.examples for curve in curves for point in curve.points})
    if not counts:
        return "no score yet"
    few, many = _leader(curves, counts[0]), _leader(curves, counts[-1])
    if few == many:
        return f"{few} leads with {counts[0]:,} sentences and with {counts[-1]:,}"
    return f"{few} leads with {counts[0]:,} sentences, {many} with {counts[-1]:,}"


def _leader(curves: Sequence[ExampleCurve], count: int) -> str:
    there = [
        (point.mean, curve.label)
        for curve in curves
        for point in curve.points
        if point.examples == count
    ]
    return max(there)[1]
