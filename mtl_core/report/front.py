"""Quality of each plan against its cost: a figure for each task and cost, and their points."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from mtl_core.analysis.pareto_front import front
from mtl_core.analysis.plans import PlanComparison, PlanResult, Verdict
from mtl_core.charts.pareto import Cost, cost_of, pareto_figure
from mtl_core.charts.pareto_labels import BaselineLine
from mtl_core.charts.theme import LIGHT, Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.baselines import BaselinesByTask, unbeaten_words
from mtl_core.report.blocks import Block, figures
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.data_words import size_words
from mtl_core.report.finding import AS_GOOD
from mtl_core.report.load import Report
from mtl_core.report.panel import Panel, draw_panel, file_stem
from mtl_core.tasks.task import Task
from mtl_core.text import UNDEFINED, capitalized, listed, verb

_RESOURCES = {Cost.SECONDS: "time", Cost.MEMORY: "memory", Cost.SHARE: "trained share"}


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """A plan, or a baseline, in a figure of quality against a cost.

    `cost` is in seconds, bytes or the share of the parameters, 0 to 1; None for a baseline.
    `low` and `high` are the values of the lowest and the highest seed.
    """

    task: Task
    cost_axis: Cost
    label: str
    cost: float | None
    mean: float
    low: float | None
    high: float | None
    on_front: bool
    baseline: bool


def blocks(report: Report) -> Iterator[Block]:
    """Builds the note's section; empty for one plan, or before a run has finished."""
    if report.several_plans and has_points(report.compared):
        yield from figures(
            [draw_panel(panel) for panel in front_panels(report.compared, report.baselines)]
        )


def has_points(shown: ComparedRuns) -> bool:
    """Whether any plan has a finished run that was trained alone."""
    return any(plan.seconds_alone is not None for plan in shown.plans.plans)


def front_panel(
    shown: ComparedRuns, number: int, task: Task, cost: Cost, baselines: Sequence[BaselineLine]
) -> Panel:
    """Builds the figure of one task and cost. `number` is the task's place in the comparison."""
    plans = shown.plans
    costs = [
        (plan.label, value) for plan in plans.plans if (value := cost_of(plan, cost)) is not None
    ]

    def draw(colors: Palette) -> Figure:
        best = _on_front(plans.plans, task.name, cost)
        style = colors.task(number)
        return pareto_figure(plans, task.name, best, style, colors, cost=cost, baselines=baselines)

    return Panel(
        name=f"front-{number + 1}-{file_stem(task.name)}-{file_stem(cost)}",
        lead=f"{LIGHT.task(number).letter} · {task_title(task.name)} by {_RESOURCES[cost]}:",
        title=front_title(plans, task.name, costs, _RESOURCES[cost], baselines),
        caption=_caption(shown, task, cost),
        draw=draw,
        task=number,
    )


def front_panels(shown: ComparedRuns, baselines: BaselinesByTask) -> tuple[Panel, ...]:
    """Builds the figures of every cost and task."""
    return tuple(
        front_panel(shown, number, task, cost, baselines.get(task.name, ()))
        for cost in Cost
        for number, task in enumerate(shown.plans.tasks)
    )


def front_points(shown: ComparedRuns, baselines: BaselinesByTask) -> Iterator[FrontPoint]:
    """Yields every point of every figure: the plans, cheapest first, and the baselines."""
    for task in shown.plans.tasks:
        for cost in Cost:
            yield from _plan_points(shown.plans, task, cost)
            for each in baselines.get(task.name, ()):
                yield FrontPoint(task, cost, each.label, None, each.value, None, None, False, True)


def front_title(
    comparison: PlanComparison,
    task: str,
    costs: Sequence[tuple[str, float]],
    resource: str,
    baselines: Sequence[BaselineLine] = (),
) -> str:
    """Returns the title of a task's figure, by the first rule that applies.

    `costs` are (label, cost) of the plans and `resource` names the cost, for example "time".

    1. One plan alone: its mean. Fewer than two plans with a score: that it is undefined, or what
       will be shown.
    2. No plan is above the majority class or a bag of words: that baseline.
    3. No verdict: the highest plan.
    4. Undecided plans: the cheapest plan of those that are best or equivalent and another of them,
       or the highest plan alone, and how many are undecided.
    5. The cheapest plan of those that are best or equivalent to the best: it is the cheapest of
       all, or more expensive plans gain nothing beyond the margin.
    6. That plan is the most expensive one: its lead.
    """
    means = {plan.label: plan.tasks[task].mean or 0.0 for plan in comparison.scored(task)}
    scored = sorted((cost, label) for label, cost in costs if label in means)
    if len(scored) == len(comparison.plans) == 1:
        ((_, label),) = scored
        return f"{label} {verb(label, 'reaches', 'reach')} {means[label]:.2f}"
    if not scored and comparison.undefined(task):
        return UNDEFINED
    if len(scored) < 2:
        return "a point for each plan that has finished"
    unbeaten = unbeaten_words(comparison, task, baselines)
    if unbeaten is not None:
        return unbeaten
    best = max((label for _, label in scored), key=lambda label: means[label])
    labels = {plan.label for plan in comparison.scored(task, *AS_GOOD)}
    as_good = [label for _, label in scored if label in labels]
    undecided = len(comparison.scored(task, Verdict.UNDECIDED))
    if not as_good:
        return f"highest with {best}"
    cheapest = as_good[0]
    other = best if cheapest != best else (*as_good, best)[1]
    is_equivalent = f"{cheapest} {verb(cheapest, 'is', 'are')} equivalent to {other}"
    if undecided:
        known = f"highest with {best}" if other == cheapest else is_equivalent
        return f"{known}, {undecided} undecided"
    if cheapest == scored[0][1]:
        if cheapest == best:
            return f"the cheapest plan, {best}, is also the best"
        return is_equivalent.replace(cheapest, f"{cheapest}, the cheapest,", 1)
    if cheapest != scored[-1][1]:
        if cheapest == best:
            return f"more {resource} than {best} brings no gain"
        return f"more {resource} than {cheapest} brings no gain beyond the margin"
    lead = means[best] - max(means[label] for _, label in scored if label != best)
    return f"{best} {verb(best, 'is', 'are')} {lead:.2f} above the next"


def _plan_points(comparison: PlanComparison, task: Task, cost: Cost) -> Iterator[FrontPoint]:
    best = _on_front(comparison.plans, task.name, cost)
    priced = [(value, p) for p in comparison.plans if (value := cost_of(p, cost)) is not None]
    for value, plan in sorted(priced, key=lambda each: each[0]):
        result = plan.tasks.get(task.name)
        if result is not None and result.mean is not None:
            yield FrontPoint(
                *(task, cost, plan.label, value, result.mean, result.low, result.high),
                on_front=plan.label in best,
                baseline=False,
            )


def _on_front(plans: Sequence[PlanResult], task: str, cost: Cost) -> tuple[str, ...]:
    return front(plans, task, partial(cost_of, cost=cost))


def _caption(shown: ComparedRuns, task: Task, cost: Cost) -> str:
    split, count = shown.plans.judged_on(task.name)
    on = f" on {count:,} {split} sentences" if count else ""
    if shown.by_size:
        on += f", trained on {size_words(shown.by_size[-1].size)}"
    bars = (
        " Bars: lowest to highest seed."
        if shown.several_seeds
        else " With one seed per plan, differences may be due to chance."
    )
    beside = [
        plan.label
        for plan in shown.plans.plans
        if cost is Cost.SECONDS and plan.seconds_alone is not None and plan.trained_beside
    ]
    who = "all plans" if len(beside) == len(shown.plans.plans) > 1 else listed(beside)
    shared = f" Other runs were trained at the same time, which takes longer: {who}." * bool(beside)
    return f"{capitalized(task.metric)}{on}. Filled: on the Pareto front.{bars}{shared}"
