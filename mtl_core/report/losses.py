"""Losses of single runs or of plans over seeds, and whether they converged."""

from collections.abc import Callable, Iterator, Mapping

from mtl_core.analysis.convergence import Convergence, Trend, convergence
from mtl_core.analysis.finding import loss_finding
from mtl_core.analysis.plans import PlanComparison, PlanResult, finished_runs
from mtl_core.analysis.trained import untrained_reason
from mtl_core.analysis.training_losses import training_loss_note
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
from mtl_core.report.blocks import Block, Text, figures, table_of
from mtl_core.report.compared import ComparedRuns, LabelledRun
from mtl_core.report.finding import is_unfinished
from mtl_core.report.load import Report
from mtl_core.report.panel import Panel, draw_panel, file_stem
from mtl_core.tasks.task import Task, TaskKind

CONVERGENCE_CAPTION = (
    "By the mean validation loss. Still falling: the last evaluation lowered it by 2 % or more. "
    "Overfitting: it ends at least 5 % above its lowest value, though the score may not drop. Flat "
    "may also mean that the learning rate had reached 0. Open: fewer than three evaluations."
)


def blocks(report: Report) -> Iterator[Block]:
    """The note's section: a figure per task with a loss, and the convergence of several runs.

    The figures of plans over seeds have no training losses.
    """
    panels = loss_panels(report)
    yield from figures([draw_panel(panel) for panel in panels])
    compared = report.compared
    if panels and not compared.by_plan and (note := training_note(compared)):
        yield Text(note)
    if len(report.runs) > 1:
        yield from _convergence_blocks(report.compared)


def loss_panels(report: Report) -> tuple[Panel, ...]:
    """A figure for each task with a loss: bands over seeds, or one line per run."""
    shown = report.compared
    tasks = [
        (number, task)
        for number, task in enumerate(shown.plans.tasks)
        if _has_losses(shown, task.name)
    ]
    if shown.by_plan:
        return tuple(bands_panel(shown.plans, number, task) for number, task in tasks)
    if len(shown.runs) == 1:
        return tuple(_run_panel(shown.runs[0], number, task) for number, task in tasks)
    return tuple(overlay_panel(shown, number, task) for number, task in tasks)


def overlay_panel(
    shown: ComparedRuns,
    number: int,
    task: Task,
    *,
    in_color: str | None = None,
    x_axis: XAxis = XAxis.STEP,
    train: bool = True,
    validation: bool = True,
    smoothing: float = 0.9,
) -> Panel:
    """One task's losses in several runs. `in_color` is a run's label; None: the best run's."""
    selected = [run for run in shown.runs if run.label == in_color]
    colored = selected[0] if selected else shown.best_run(task.name)

    def draw(colors: Palette) -> Figure:
        return overlay_figure(
            [OverlaidRun(run.label, run.summary, run is colored) for run in shown.runs],
            task.name,
            colors.task(number),
            colors,
            x_axis=x_axis,
            train=train,
            validation=validation,
            smoothing=smoothing,
        )

    caption = (
        f"Cross-entropy per {_unit(task)}. Lines: training, smoothed; rings: validation. In "
        f"colour: {colored.label}."
    )
    return _panel(number, task, lowest_loss(shown, task.name), caption, draw)


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
    """One task's losses over seeds. `in_color` is a plan's label; None: that of the lowest loss."""
    finding, lowest = _lowest_plan(comparison, task.name)
    colored = in_color or lowest

    def draw(colors: Palette) -> Figure:
        return bands_figure(
            comparison.plans,
            task.name,
            frozenset({colored} if colored else ()),
            colors.task(number),
            colors,
            x_axis=x_axis,
            train=train,
            validation=validation,
            smoothing=smoothing,
        )

    caption = (
        "Cross-entropy, mean over seeds; band: lowest to highest seed. In colour: "
        f"{colored or 'none'}."
    )
    return _panel(number, task, finding, caption, draw)


def training_note(shown: ComparedRuns) -> str | None:
    """What limits the comparison of the training losses of these runs; None if nothing does."""
    return training_loss_note(run.summary.spec for run in shown.runs)


def lowest_loss(shown: ComparedRuns, task: str) -> str:
    """Which run has the lowest validation loss, as words that follow the task's title."""
    ends = {
        run.label: losses[-1][1]
        for run in shown.runs
        for each in run.summary.tasks
        if each.task.name == task and (losses := each.validation_losses)
    }
    if len(ends) < 2 or not shown.plans.same_sentences:
        return "loss of each run"
    return _lowest_text(ends)


def convergence_by_plan(shown: ComparedRuns) -> dict[str, dict[str, Convergence]]:
    """The convergence by plan label and trained task, for plans with a finished run."""
    return {
        plan.label: {
            task.name: convergence(runs, task.name)
            for task in _tasks_of(shown, plan)
            if untrained_reason(task, runs[0]) is None
        }
        for plan in shown.plans.plans
        if (runs := list(finished_runs(plan).values()))
    }


def convergence_title(plans: Mapping[str, Mapping[str, Convergence]]) -> str:
    """Which plans may improve with more training; `plans` are by label and trained task."""
    trends = {label: {each.trend for each in found.values()} for label, found in plans.items()}
    known = [label for label, found in trends.items() if found - {Trend.OPEN}]
    if not known:
        return "Too few evaluations to judge convergence"
    falling = [label for label in known if Trend.FALLING in trends[label]]
    if len(falling) == len(known):
        return "No plan converged on every task: longer runs may change the order"
    if falling:
        some = ", ".join(falling[:3]) + (" and others" if len(falling) > 3 else "")
        them = "it" if len(falling) == 1 else "them"
        return f"Not yet converged: {some}. Longer training may improve {them}"
    overfitting = sum(Trend.OVERFITTING in trends[label] for label in known)
    if overfitting:
        return f"No loss is still falling; {overfitting} of {len(known)} plans overfit on a task"
    return "Every plan converged on every task"


def convergence_row(
    shown: ComparedRuns, label: str, found: Mapping[str, Convergence]
) -> dict[str, str]:
    """A plan's convergence as a table row with one column per task."""
    cells = {
        task_title(task.name): found[task.name].words if task.name in found else "not trained"
        for task in shown.plans.tasks
    }
    return {"Plan": label, **cells}


def _convergence_blocks(shown: ComparedRuns) -> Iterator[Block]:
    plans = convergence_by_plan(shown)
    if not plans:
        return
    yield Text(f"{convergence_title(plans)}.")
    if all(each.trend is Trend.OPEN for found in plans.values() for each in found.values()):
        return
    titles = [task_title(task.name) for task in shown.plans.tasks]
    rows = [convergence_row(shown, label, found) for label, found in plans.items()]
    yield table_of(rows, left=titles)
    yield Text(CONVERGENCE_CAPTION)


def _panel(
    number: int, task: Task, title: str, caption: str, draw: Callable[[Palette], Figure]
) -> Panel:
    return Panel(
        name=f"loss-{number + 1}-{file_stem(task.name)}",
        lead=f"{LIGHT.task(number).letter} · {task_title(task.name)}",
        title=title,
        caption=caption,
        draw=draw,
        task=number,
    )


def _run_panel(run: LabelledRun, number: int, task: Task) -> Panel:
    """The loss of a single run, with each step."""
    summary = run.summary
    caption = (
        f"Cross-entropy per {_unit(task)}. Faint: each step; line: smoothed; rings: validation."
    )
    return _panel(
        number,
        task,
        loss_finding(summary, summary.task(task.name)),
        caption,
        lambda colors: loss_figure(summary, task.name, colors),
    )


def _unit(task: Task) -> str:
    return "sentence" if task.kind is TaskKind.SENTENCE else "first sub-word of a token"


def _lowest_plan(comparison: PlanComparison, task: str) -> tuple[str, str | None]:
    """The plan whose mean validation loss is lowest at the end, in words and by its label.

    Until all runs have ended, the words compare only plans with a finished run.
    """
    last = {
        plan.label: band.mean[-1]
        for plan in comparison.plans
        if (band := validation_band(plan, task)).mean
    }
    if not last:
        return "no loss yet", None
    ended = {plan.label for plan in comparison.plans if finished_runs(plan)}
    ends = {label: loss for label, loss in last.items() if label in ended}
    label = min(ends or last, key=lambda each: last[each])
    if len(ends) < 2 or not comparison.same_sentences:
        return "loss of each plan", label
    text = _lowest_text(ends)
    return (f"so far, {text}" if is_unfinished(comparison) else text), label


def _lowest_text(ends: Mapping[str, float]) -> str:
    """The lowest of the final validation losses by label."""
    label = min(ends, key=lambda each: ends[each])
    if round(ends[label], 2) == round(max(ends.values()), 2):
        return f"all end at a validation loss of {ends[label]:.2f}"
    return f"loss ends lowest with {label}: {ends[label]:.2f} on validation"


def _has_losses(shown: ComparedRuns, task: str) -> bool:
    return any(
        each.task.name == task and (each.losses or each.validation_losses)
        for run in shown.runs
        for each in run.summary.tasks
    )


def _tasks_of(shown: ComparedRuns, plan: PlanResult) -> list[Task]:
    return [task for task in shown.plans.tasks if task.name in plan.tasks]
