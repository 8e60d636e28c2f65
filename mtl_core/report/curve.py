"""Quality against the number of training sentences: curves, a table for each task, their words."""

from collections.abc import Iterator, Sequence

from mtl_core.analysis.by_size import AtSize
from mtl_core.analysis.plans import PlanComparison, PlanResult, TaskResult, Verdict
from mtl_core.charts.curve import Curve, CurvePoint, curve_figure
from mtl_core.charts.theme import LIGHT, Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.baselines import BaselinesBySize
from mtl_core.report.blocks import Block, Text, figures, table_of
from mtl_core.report.compared import ComparedRuns, lowest_seed_run
from mtl_core.report.data_words import size_words
from mtl_core.report.finding import AS_GOOD
from mtl_core.report.load import Report
from mtl_core.report.panel import Panel, draw_panel, file_stem
from mtl_core.report.run_words import plan_words
from mtl_core.report.table import mean_words, seeds_words
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.task import Task
from mtl_core.text import UNDEFINED, capitalized, count_or_all

_MARKS = {Verdict.BEST: " ✓", Verdict.EQUIVALENT: " ≈", Verdict.UNDECIDED: " ?"}
_NO_MARK = " \u2003"  # as wide as a mark, so that right-aligned numbers line up


def blocks(report: Report) -> Iterator[Block]:
    """Builds the note's section.

    The tables, and which number later sections are about, only for a comparison that varied the
    number of training sentences.
    """
    shown = report.compared
    yield from figures(
        [draw_panel(each) for each in example_panels(shown, report.baselines_by_size)]
    )
    if not shown.by_size:
        return
    for task in shown.plans.tasks:
        yield Text(f"{size_table_title(task)}:")
        yield table_of(size_rows(shown.by_size, task, ranges=True))
    yield Text(f"{sizes_rule(shown.by_size)} In brackets: the lowest and the highest seed.")
    yield Text(sizes_remark(shown.by_size))


def example_panels(shown: ComparedRuns, baselines: BaselinesBySize) -> tuple[Panel, ...]:
    """Builds a figure for each task; none if all plans share one number of sentences."""
    curves = {task.name: example_curves(shown, task) for task in shown.plans.tasks}
    counts = {p.examples for each in curves.values() for curve in each for p in curve.points}
    if len(counts) < 2:
        return ()
    return tuple(
        _panel(shown, number, task, (*_baseline_curves(shown, task, baselines), *curves[task.name]))
        for number, task in enumerate(shown.plans.tasks)
    )


def example_curves(shown: ComparedRuns, task: Task) -> tuple[Curve, ...]:
    """Returns a curve for each plan; the curve that ends highest is in colour."""
    plans = [(plan.label, plan) for each in shown.by_size for plan in each.plans.plans]
    plans = plans or [(plan_words(lowest_seed_run(plan).spec), plan) for plan in shown.plans.plans]
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


def train_sentences(plan: PlanResult, task: Task) -> int | None:
    """Returns how many of the task's sentences train the plan; None before a run has started."""
    counts = next((n for run in plan.runs.values() if (n := run.examples.get(task.name))), {})
    return lowest_seed_run(plan).spec.examples.get(task.name) or counts.get("train")


def size_title(sizes: Sequence[AtSize], task: Task) -> str:
    """States which plan is best with the fewest sentences and with the most; ≈: equivalent."""
    few, *between, many = (_standing(each.plans, task) for each in sizes)
    first, last = count_or_all(sizes[0].size), count_or_all(sizes[-1].size)
    if few != many:
        return f"{few} with {first} sentences, {many} with {last}"
    if set(between) <= {few}:
        return f"{few} at every number of sentences"
    return f"{few} with {first} and with {last} sentences, but not at every number"


def size_rows(sizes: Sequence[AtSize], task: Task, *, ranges: bool) -> list[dict[str, str]]:
    """Builds a row for each plan, with a column per number of sentences; the best plan comes first.

    A cell holds the mean, the range over seeds with `ranges`, and the verdict at that number.
    """
    results = [
        {plan.label: plan.tasks.get(task.name) for plan in each.plans.plans} for each in sizes
    ]
    means = {
        label: -1.0 if result is None or result.mean is None else result.mean
        for label, result in results[-1].items()
    }
    return [
        {"Plan": label}
        | {
            count_or_all(each.size): _cell(found.get(label), ranges=ranges)
            for each, found in zip(sizes, results, strict=True)
        }
        for label in sorted(means, key=lambda name: -means[name])
    ]


def sizes_rule(sizes: Sequence[AtSize]) -> str:
    """Explains the marks of the table, for its caption."""
    seeds = seeds_words(sorted({seed for each in sizes for seed in each.plans.seeds}))
    if len(sizes[-1].plans.plans) < 2:
        return seeds
    return (
        f"{seeds} Each column is tested separately: ✓ best, ≈ equivalent to the best, ? undecided, "
        "by intervals over seeds and sentences (95 % for all pairs of plans in a column). "
        "Smaller samples are subsets of larger ones."
    )


def sizes_remark(sizes: Sequence[AtSize]) -> str:
    """States which runs the figures and tables that follow are about."""
    return (
        f"The sections below show the runs with {size_words(sizes[-1].size)}, the largest "
        "number, unless another one is named."
    )


def size_table_title(task: Task) -> str:
    """Returns the title of a task's table."""
    return f"{task_title(task.name)} {task.metric} by training sentences"


def _standing(comparison: PlanComparison, task: Task) -> str:
    plans = comparison.scored(task.name)
    if not plans:
        return UNDEFINED if comparison.undefined(task.name) else "no score yet"
    best = plans[0]
    if len(plans) == 1:
        return f"{best.tasks[task.name].mean:.2f}"
    if any(plan.tasks[task.name].verdict is Verdict.OPEN for plan in plans):
        return f"{best.label} highest (not tested)"
    every = "both" if len(plans) == 2 else f"all {len(plans)}"
    undecided = len(comparison.scored(task.name, Verdict.UNDECIDED))
    if undecided == len(plans) - 1:
        return f"{every} undecided"
    if undecided:
        return f"{best.label} highest, {undecided} undecided"
    as_good = [plan.label for plan in comparison.scored(task.name, *AS_GOOD)][1:]
    if not as_good:
        return f"{best.label} best"
    if len(as_good) == len(plans) - 1:
        return f"{every} equivalent"
    return f"{best.label} ≈ {as_good[0] if len(as_good) == 1 else f'{len(as_good)} more'}"


def _cell(result: TaskResult | None, *, ranges: bool) -> str:
    if result is None or result.mean is None:
        return mean_words(result)
    if ranges:
        return mean_words(result) + _MARKS.get(result.verdict, "")
    return f"{result.mean:.3f}{_MARKS.get(result.verdict, _NO_MARK)}"


def _baseline_curves(shown: ComparedRuns, task: Task, baselines: BaselinesBySize) -> list[Curve]:
    points: dict[str, list[CurvePoint]] = {}
    for each in shown.by_size:
        known: Sequence[Baseline] = baselines.get(each.size, ())
        counts = [n for plan in each.plans.plans if (n := train_sentences(plan, task))]
        for baseline in known if counts else ():
            if (value := baseline.values.get(task.name)) is not None:
                point = CurvePoint(counts[0], value, value, value)
                points.setdefault(baseline.label, []).append(point)
    return [Curve(label, tuple(p), baseline=True) for label, p in points.items()]


def _panel(shown: ComparedRuns, number: int, task: Task, curves: Sequence[Curve]) -> Panel:
    def draw(colors: Palette) -> Figure:
        return curve_figure(curves, colors.task(number), colors)

    has_baselines = any(curve.baseline for curve in curves)
    return Panel(
        name=f"examples-{number + 1}-{file_stem(task.name)}",
        lead=f"{LIGHT.task(number).letter} · {task_title(task.name)}:",
        title=size_title(shown.by_size, task) if shown.by_size else _title(curves),
        caption=(
            f"{capitalized(task.metric)} by training sentences; band: lowest to highest seed."
            + " Dotted: baselines trained on the same number." * has_baselines
        ),
        draw=draw,
        task=number,
    )


def _title(curves: Sequence[Curve]) -> str:
    """States which plan leads with the fewest sentences, and which with the most."""
    counts = sorted({point.examples for curve in curves for point in curve.points})
    if not counts:
        return "no score yet"
    few, many = _leader(curves, counts[0]), _leader(curves, counts[-1])
    if few == many:
        return f"{few} leads with {counts[0]:,} and with {counts[-1]:,} sentences"
    return f"{few} leads with {counts[0]:,} sentences, {many} with {counts[-1]:,}"


def _leader(curves: Sequence[Curve], count: int) -> str:
    there = [
        (point.mean, curve.label)
        for curve in curves
        for point in curve.points
        if point.examples == count
    ]
    return max(there)[1]
