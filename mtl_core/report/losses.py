"""Losses: of each plan over its seeds as a band, or of single runs as lines; their note section."""

from collections.abc import Iterator

from mtl_core.analysis.finding import loss_finding
from mtl_core.analysis.plans import PlanComparison
from mtl_core.charts.loss import loss_figure
from mtl_core.charts.loss_comparison import (
    OverlaidRun,
    XAxis,
    bands_figure,
    overlay_figure,
    validation_band,
)
from mtl_core.charts.theme import LIGHT, Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.blocks import Block, figures
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.load import Report
from mtl_core.report.note_inside import convergence
from mtl_core.report.panel import Panel, drawn, file_stem
from mtl_core.tasks.task import Task, TaskKind


def blocks(report: Report) -> Iterator[Block]:
    """Builds the note's section: a figure for each task with a loss, and where losses ended."""
    yield from figures([drawn(panel) for panel in loss_panels(report)])
    if len(report.runs) > 1:
        yield from convergence(report)


def loss_panels(report: Report) -> tuple[Panel, ...]:
    """Builds a figure for each task with a loss: bands over seeds, or a line for each run."""
    shown = report.compared
    tasks = [
        (number, task)
        for number, task in enumerate(shown.plans.tasks)
        if _has_losses(shown, task.name)
    ]
    if shown.by_plan:
        return tuple(bands_panel(shown.plans, number, task) for number, task in tasks)
    return tuple(_runs_panel(shown, number, task) for number, task in tasks)


def lowest_loss(shown: ComparedRuns, task: str) -> str:
    """States which run has the lowest validation loss now, as words that follow a task's title."""
    ends = [
        (losses[-1][1], run.label)
        for run in shown.runs
        for each in run.summary.tasks
        if each.task.name == task and (losses := each.validation_losses)
    ]
    if len(ends) < 2 or not shown.plans.same_questions:
        return "loss of each run"
    (loss, label), highest = min(ends), max(ends)[0]
    if round(loss, 2) == round(highest, 2):
        return f"all end at a validation loss of {loss:.2f}"
    return f"loss ends lowest with {label}: {loss:.2f} on validation"


def bands_panel(
    comparison: PlanComparison,
    number: int,
    task: Task,
    *,
    in_color: str | None = None,
    x_axis: XAxis = XAxis.STEP,
    train: bool = False,
    validation: bool = True,
    smoothing: float = 0.9,
) -> Panel:
    """One task's losses. `in_color` is a plan's label; None: the one whose loss ends lowest."""
    finding, lowest = _lowest(comparison, task.name)
    shown = in_color or lowest

    def draw(colors: Palette) -> Figure:
        return bands_figure(
            comparison.plans,
            task.name,
            frozenset({shown} if shown else ()),
            colors.task(number),
            colors,
            x_axis=x_axis,
            train=train,
            validation=validation,
            smoothing=smoothing,
        )

    return Panel(
        name=f"loss-{number + 1}-{file_stem(task.name)}",
        lead=f"{LIGHT.task(number).letter} · {task_title(task.name)}",
        title=finding,
        caption=(
            "Cross-entropy, mean over the seeds; band: lowest to highest seed. "
            f"In colour: {shown or 'none'}"
        ),
        draw=draw,
        task=number,
    )


def _lowest(comparison: PlanComparison, task: str) -> tuple[str, str | None]:
    """Which plan's mean validation loss ends lowest, in words and by its label."""
    ends = {
        plan.label: band.mean[-1]
        for plan in comparison.plans
        if (band := validation_band(plan, task)).mean
    }
    if not ends:
        return "no loss yet", None
    label = min(ends, key=lambda each: ends[each])
    if len(ends) < 2 or not comparison.same_questions:
        return "loss of each plan", label
    if round(ends[label], 2) == round(max(ends.values()), 2):
        return f"all end at a validation loss of {ends[label]:.2f}", label
    return f"loss ends lowest with {label}: {ends[label]:.2f} on validation", label


def _has_losses(shown: ComparedRuns, task: str) -> bool:
    return any(
        each.task.name == task and (each.losses or each.validation_losses)
        for run in shown.runs
        for each in run.summary.tasks
    )


def _runs_panel(shown: ComparedRuns, number: int, task: Task) -> Panel:
    """The loss of each run as a line; of a single run also each step."""
    each = "sentence" if task.kind is TaskKind.SENTENCE else "first sub-word of a token"
    caption = f"Cross-entropy per {each}."
    best = shown.best_run(task.name)
    if len(shown.runs) == 1:
        summary = best.summary
        finding = loss_finding(summary, summary.task(task.name))
        caption += " Faint: each step; line: smoothed; rings: validation."
    else:
        finding = lowest_loss(shown, task.name)
        caption += (
            " Lines: training, averaged over about ten steps; rings: validation. In colour: "
            f"{best.label}."
        )

    def draw(colors: Palette) -> Figure:
        if len(shown.runs) == 1:
            return loss_figure(best.summary, task.name, colors)
        runs = [OverlaidRun(run.label, run.summary, run is best) for run in shown.runs]
        return overlay_figure(runs, task.name, colors.task(number), colors)

    return Panel(
        name=f"loss-{number + 1}-{file_stem(task.name)}",
        lead=f"{LIGHT.task(number).letter} · {task_title(task.name)}",
        title=finding,
        caption=caption,
        draw=draw,
        task=number,
    )
