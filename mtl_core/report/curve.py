"""Quality against the number of training sentences, where plans were run with several numbers."""

from collections.abc import Mapping, Sequence

from mtl_core.analysis.plans import PlanResult
from mtl_core.charts.curve import Curve, CurvePoint, curve_figure
from mtl_core.charts.theme import LIGHT, Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.compare_words import metric_name
from mtl_core.report.compared import ComparedRuns, a_run
from mtl_core.report.panel import Panel, file_stem
from mtl_core.report.run_words import plan_words
from mtl_core.report.size_words import size_title
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.task import Task
from mtl_core.training.comparison import TrainSize
from mtl_core.training.spec import RunSpec

BaselinesBySize = Mapping[TrainSize, Sequence[Baseline]]
"""What data of so many training sentences of each task give without any model."""


def example_panels(shown: ComparedRuns, baselines: BaselinesBySize) -> tuple[Panel, ...]:
    """A figure for each task; none where every plan was run with one number of sentences."""
    curves = {task.name: example_curves(shown, task) for task in shown.plans.tasks}
    counts = {p.examples for each in curves.values() for curve in each for p in curve.points}
    if len(counts) < 2:
        return ()
    return tuple(
        _panel(shown, number, task, (*_baseline_curves(shown, task, baselines), *curves[task.name]))
        for number, task in enumerate(shown.plans.tasks)
    )


def example_curves(shown: ComparedRuns, task: Task) -> tuple[Curve, ...]:
    """One curve for each plan; the one that ends highest is in colour."""
    plans = [(plan.label, plan) for each in shown.by_size for plan in each.plans.plans]
    plans = plans or [(plan_words(a_run(plan).spec), plan) for plan in shown.plans.plans]
    points: dict[str, list[CurvePoint]] = {}
    for label, plan in plans:
        result, sentences = plan.tasks.get(task.name), train_sentences(plan, task)
        if result is None or result.mean is None or not sentences:
            continue
        low, high = result.low or 0.0, result.high or 0.0
        points.setdefault(label, []).append(CurvePoint(sentences, result.mean, low, high))
    if not points:
        return ()
    best = max(points, key=lambda label: max(points[label], key=lambda p: p.examples).mean)
    return tuple(Curve(label, tuple(each), label == best) for label, each in points.items())


def limits_at(shown: ComparedRuns) -> dict[TrainSize, tuple[RunSpec, dict[str, int]]]:
    """At each number of training sentences, the largest first: a run's spec, one that has begun
    where there is any, and the limits by task that its data have."""
    found = {}
    for each in shown.by_size[::-1]:
        specs = [run.spec for plan in each.plans.plans for run in plan.runs.values()]
        spec = max(specs, key=lambda spec: bool(spec.data_digests))
        if each.plans.same_questions:
            found[each.size] = (spec, dict(spec.examples))
    return found


def train_sentences(plan: PlanResult, task: Task) -> int | None:
    """How many of a task's sentences a plan learned from; None while no run has said it."""
    told = next((n for run in plan.runs.values() if (n := run.examples.get(task.name))), {})
    return a_run(plan).spec.examples.get(task.name) or told.get("train")


def _baseline_curves(shown: ComparedRuns, task: Task, baselines: BaselinesBySize) -> list[Curve]:
    points: dict[str, list[CurvePoint]] = {}
    for each in shown.by_size:
        counts = [n for plan in each.plans.plans if (n := train_sentences(plan, task))]
        for baseline in baselines.get(each.size, ()) if counts else ():
            if (value := baseline.values.get(task.name)) is not None:
                point = CurvePoint(counts[0], value, value, value)
                points.setdefault(baseline.label, []).append(point)
    return [Curve(label, tuple(p), baseline=True) for label, p in points.items()]


def _panel(shown: ComparedRuns, number: int, task: Task, curves: Sequence[Curve]) -> Panel:
    def draw(colors: Palette) -> Figure:
        return curve_figure(curves, colors.task(number), colors)

    metric = metric_name(task)
    of_data = any(curve.baseline for curve in curves)
    return Panel(
        name=f"examples-{number + 1}-{file_stem(task.name)}",
        lead=f"{LIGHT.task(number).letter} · {task_title(task.name)}:",
        title=size_title(shown.by_size, task) if shown.by_size else _title(curves),
        caption=(
            f"{metric[0].upper()}{metric[1:]} by training sentences; band: lowest to highest seed."
            + " Dotted: baselines that learned from as many." * of_data
        ),
        draw=draw,
        task=number,
    )


def _title(curves: Sequence[Curve]) -> str:
    """Which plan leads with the fewest sentences, and which with the most."""
    counts = sorted({point.examples for curve in curves for point in curve.points})
    if not counts:
        return "no score yet"
    few, many = _leader(curves, counts[0]), _leader(curves, counts[-1])
    if few == many:
        return f"{few} leads with {counts[0]:,} sentences and with {counts[-1]:,}"
    return f"{few} leads with {counts[0]:,} sentences, {many} with {counts[-1]:,}"


def _leader(curves: Sequence[Curve], count: int) -> str:
    there = [
        (point.mean, curve.label)
        for curve in curves
        for point in curve.points
        if point.examples == count
    ]
    return max(there)[1]
