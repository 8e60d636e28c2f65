"""Quality of each plan against what it costs, head by head: the figures and all their points."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mtl_core.analysis.baselines import baselines_of_runs
from mtl_core.analysis.pareto_front import front
from mtl_core.analysis.plans import PlanComparison, PlanResult
from mtl_core.charts.pareto import BaselineLine, Cost, cost_of, pareto_figure
from mtl_core.charts.theme import LIGHT, Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.compare_words import front_words, metric_name
from mtl_core.report.compared import ComparedRuns, a_run
from mtl_core.report.panel import Panel, file_stem
from mtl_core.report.size_words import size_words
from mtl_core.tasks.baselines import Baseline as NamedBaseline
from mtl_core.tasks.task import Task

_PAID = {Cost.SECONDS: "time", Cost.MEMORY: "memory", Cost.SHARE: "trained share"}

Baselines = Mapping[str, Sequence[BaselineLine]]
"""By task: scores that need no fine-tuning."""


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """A plan, or a baseline, in a figure of quality against a cost.

    `cost` is in seconds, bytes or the share of the parameters, 0 to 1; None for a baseline, which
    has none. `low` and `high` are the lowest and the highest seed.
    """

    task: Task
    paid_with: Cost
    label: str
    cost: float | None
    mean: float
    low: float | None
    high: float | None
    on_front: bool
    baseline: bool


def can_be_drawn(shown: ComparedRuns) -> bool:
    """Whether any plan has a finished run."""
    return any(plan.seconds is not None for plan in shown.plans.plans)


def front_panel(
    shown: ComparedRuns, number: int, task: Task, cost: Cost, baselines: Sequence[BaselineLine]
) -> Panel:
    """One task against one cost. `number` is the task's place among those compared."""
    plans = shown.plans
    costs = [
        (plan.label, paid) for plan in plans.plans if (paid := cost_of(plan, cost)) is not None
    ]

    def draw(colors: Palette) -> Figure:
        kept = _on_front(plans.plans, task.name, cost)
        style = colors.task(number)
        return pareto_figure(plans, task.name, kept, style, colors, cost=cost, baselines=baselines)

    return Panel(
        name=f"front-{number + 1}-{file_stem(task.name)}-{file_stem(cost)}",
        lead=f"{LIGHT.task(number).letter} · {task_title(task.name)}:",
        title=front_words(plans, task.name, costs, _PAID[cost]),
        caption=_caption(shown, task),
        draw=draw,
        task=number,
    )


def front_panels(shown: ComparedRuns, baselines: Baselines) -> tuple[Panel, ...]:
    """Each cost with a figure for each task."""
    return tuple(
        front_panel(shown, number, task, cost, baselines.get(task.name, ()))
        for cost in Cost
        for number, task in enumerate(shown.plans.tasks)
    )


def front_points(shown: ComparedRuns, baselines: Baselines) -> Iterator[FrontPoint]:
    """Every point of every such figure, the cheapest plan first, and the baselines."""
    for task in shown.plans.tasks:
        for cost in Cost:
            yield from _plan_points(shown.plans, task, cost)
            for each in baselines.get(task.name, ()):
                yield FrontPoint(task, cost, each.label, None, each.value, None, None, False, True)


def baselines_by_task(shown: ComparedRuns, of_data: Sequence[NamedBaseline]) -> Baselines:
    """The baselines of the data (`limits_of` says on how many sentences they are to be trained)
    and those that the runs show, as points of the figures."""
    told = [*of_data, *baselines_of_runs(shown.plans)]
    return {
        task.name: [
            BaselineLine(each.label, each.values[task.name])
            for each in told
            if task.name in each.values
        ]
        for task in shown.plans.tasks
    }


def limits_of(shown: ComparedRuns) -> dict[str, int] | None:
    """How many sentences of each task all plans learn from, empty for all there are; None where
    the plans do not share that, and so no baseline stands beside all of them."""
    limits = [a_run(plan).spec.examples for plan in shown.plans.plans]
    alike = bool(limits) and all(each == limits[0] for each in limits)
    return limits[0] if alike and shown.plans.same_questions else None


def _plan_points(comparison: PlanComparison, task: Task, cost: Cost) -> Iterator[FrontPoint]:
    kept = _on_front(comparison.plans, task.name, cost)
    priced = [(paid, p) for p in comparison.plans if (paid := cost_of(p, cost)) is not None]
    for paid, plan in sorted(priced, key=lambda each: each[0]):
        result = plan.tasks.get(task.name)
        if result is not None and result.mean is not None:
            yield FrontPoint(
                *(task, cost, plan.label, paid, result.mean, result.low, result.high),
                on_front=plan.label in kept,
                baseline=False,
            )


def _on_front(plans: Sequence[PlanResult], task: str, cost: Cost) -> tuple[str, ...]:
    return front(plans, task, partial(cost_of, cost=cost))


def _caption(shown: ComparedRuns, task: Task) -> str:
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
    if shown.by_size:
        on += f", trained on {size_words(shown.by_size[-1].size)}"
    bars = (
        " Bars: lowest to highest seed."
        if shown.several_seeds
        else " One seed each: no difference is told from luck."
    )
    return f"{metric[0].upper()}{metric[1:]}{on}. Filled: on the Pareto front.{bars}"
