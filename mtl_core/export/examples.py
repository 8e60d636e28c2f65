"""Quality against the number of training sentences, where plans were run with several numbers."""

from collections.abc import Sequence

from mtl_core.analysis.grouped import PlanResult
from mtl_core.charts.by_examples import ExampleCurve, WithExamples, by_examples_figure
from mtl_core.charts.loss import Figure
from mtl_core.charts.theme import LIGHT, Palette
from mtl_core.export.compared import Compared, a_run
from mtl_core.export.panel import Panel, file_stem
from mtl_core.lessons.compare_words import metric_name
from mtl_core.lessons.run_words import plan_words
from mtl_core.lessons.titles import task_title
from mtl_core.tasks.task import Task


def example_panels(shown: Compared) -> tuple[Panel, ...]:
    """A figure for each task; none where every plan was run with one number of sentences."""
    curves = {task.name: example_curves(shown.plans.plans, task) for task in shown.plans.tasks}
    counts = {p.examples for each in curves.values() for curve in each for p in curve.points}
    if len(counts) < 2:
        return ()
    return tuple(
        _panel(number, task, curves[task.name]) for number, task in enumerate(shown.plans.tasks)
    )


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


def _panel(number: int, task: Task, curves: Sequence[ExampleCurve]) -> Panel:
    def draw(colors: Palette) -> Figure:
        return by_examples_figure(curves, colors.task(number), colors)

    metric = metric_name(task)
    return Panel(
        name=f"examples-{number + 1}-{file_stem(task.name)}",
        lead=f"{LIGHT.task(number).letter} · {task_title(task.name)}:",
        title=_title(curves),
        caption=(
            f"{metric[0].upper()}{metric[1:]} by training sentences; band: lowest to highest seed."
        ),
        draw=draw,
        task=number,
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
