"""The figures of a bundle: fronts, losses, and each plan's layer stack."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtl_core.analysis.comparison import ComparedRun, lowest_loss
from mtl_core.analysis.finding import loss_finding
from mtl_core.analysis.summary import TaskProgress
from mtl_core.charts.loss import loss_figure
from mtl_core.charts.loss_comparison import OverlaidRun, overlay_figure
from mtl_core.charts.stack import stack_figure
from mtl_core.charts.theme import DARK, LIGHT, Figure, Palette
from mtl_core.freezing.table import ParameterTable
from mtl_core.freezing.titles import task_title
from mtl_core.report.curve import example_panels
from mtl_core.report.front import can_be_drawn, front_panels
from mtl_core.report.load import Report, ReportRun
from mtl_core.report.losses import bands_panel
from mtl_core.report.panel import Panel, file_stem
from mtl_core.report.run_words import share
from mtl_core.tasks.task import TaskKind

_MOST_PHASES = 4
_STACK_WIDTH = 680


@dataclass(frozen=True, slots=True)
class Drawing:
    """One figure in light and in dark, as Plotly's plain values.

    `name` is the stem of its files. `title` says what is found in it; `lead` is the part of the
    title that is written in the colour of task `task`. `width` is that of its SVG file.
    """

    name: str
    lead: str
    title: str
    caption: str
    light: Figure
    dark: Figure
    task: int | None = None
    width: int = 880


def drawn(panel: Panel, width: int = 880) -> Drawing:
    """A figure that the Compare page shows too, drawn for the note."""
    light, dark = (panel.draw(colors) for colors in (LIGHT, DARK))
    return Drawing(
        name=panel.name,
        lead=panel.lead,
        title=panel.title,
        caption=panel.caption,
        light=light,
        dark=dark,
        task=panel.task,
        width=width,
    )


def front_drawings(report: Report) -> tuple[Drawing, ...]:
    """Quality against each cost; none of one plan alone, or while no run has finished."""
    if not report.several_plans or not can_be_drawn(report.compared):
        return ()
    return tuple(map(drawn, front_panels(report.compared, report.baselines)))


def example_drawings(report: Report) -> tuple[Drawing, ...]:
    """Quality against the number of training sentences, where that was varied."""
    return tuple(map(drawn, example_panels(report.compared, report.baselines_by_size)))


def loss_drawings(report: Report) -> tuple[Drawing, ...]:
    """One figure for each task that was measured in any run."""
    if report.compared.by_plan:
        plans = report.compared.plans
        return tuple(
            drawn(bands_panel(plans, number, task))
            for number, task in enumerate(plans.tasks)
            if any(_has_losses(run, task.name) for run in report.comparison.runs)
        )
    return tuple(
        _loss(report, number, task)
        for number, task in enumerate(report.comparison.tasks)
        if any(_has_losses(run, task.task.name) for run in report.comparison.runs)
    )


def stack_drawings(report: Report) -> tuple[Drawing, ...]:
    """The layer stack of each plan, once.

    Of one run each phase, of more than four the first and the last; of several runs the phase in
    which the most learns. None of a run whose model is not known any more.
    """
    drawn: list[Drawing] = []
    seen: list[object] = []
    for label, run in report.one_of_each:
        spec = run.record.spec
        what = (spec.checkpoint, spec.plan, spec.tasks)
        if run.model is not None and what not in seen:
            seen.append(what)
            drawn += _stacks(label, run, alone=len(report.runs) == 1)
    return tuple(drawn)


def _has_losses(run: ComparedRun, task: str) -> bool:
    return any(
        each.task.name == task and (each.losses or each.validation_losses)
        for each in run.summary.tasks
    )


def _loss(report: Report, number: int, task: TaskProgress) -> Drawing:
    comparison, name = report.comparison, task.task.name
    each = "sentence" if task.task.kind is TaskKind.SENTENCE else "first sub-word of a token"
    caption = f"Cross-entropy per {each}."
    if len(report.runs) == 1:
        finding = loss_finding(comparison.runs[0].summary, task)
        caption += " Faint: each step; line: smoothed; rings: validation."
    else:
        shown = next(iter([*comparison.best(name), *comparison.runs]))
        finding = lowest_loss(comparison, name)
        caption += (
            " Lines: training, averaged over about ten steps; rings: validation. In colour: "
            f"{shown.label}."
        )
    light, dark = (_loss_figure(report, number, name, colors) for colors in (LIGHT, DARK))
    return Drawing(
        name=f"loss-{number + 1}-{file_stem(name)}",
        lead=f"{LIGHT.task(number).letter} · {task_title(name)}",
        title=finding,
        caption=caption,
        light=light,
        dark=dark,
        task=number,
    )


def _loss_figure(report: Report, number: int, task: str, colors: Palette) -> Figure:
    comparison = report.comparison
    if len(report.runs) == 1:
        return loss_figure(report.runs[0].summary, task, colors)
    shown = next(iter([*comparison.best(task), *comparison.runs]))
    overlaid = [OverlaidRun(run.label, run.summary, run is shown) for run in comparison.runs]
    return overlay_figure(overlaid, task, colors.task(number), colors)


def _stacks(label: str, run: ReportRun, alone: bool) -> Iterator[Drawing]:
    for table in _phases_to_draw(run.tables, alone):
        totals, count = table.totals, len(run.tables)
        where = f", phase {table.phase_number} of {count}" if count > 1 else ""
        light, dark = (_stack_figure(run, table, colors) for colors in (LIGHT, DARK))
        yield Drawing(
            name=f"stack-{run.id}{f'-phase-{table.phase_number}' if count > 1 else ''}",
            lead="",
            title=f"{label}{where}: {_learn(totals.trainable, totals.all)}",
            caption=_counts(table),
            light=light,
            dark=dark,
            width=_STACK_WIDTH,
        )


def _phases_to_draw(tables: Sequence[ParameterTable], alone: bool) -> Sequence[ParameterTable]:
    if not alone:
        return [max(tables, key=lambda table: table.totals.trainable)]
    return tables if len(tables) <= _MOST_PHASES else [tables[0], tables[-1]]


def _learn(trainable: int, every: int) -> str:
    if not trainable:
        return "nothing learns"
    return f"{trainable:,} of {every:,} parameters learn ({share(trainable / every)})"


def _counts(table: ParameterTable) -> str:
    counts = [f"{count:,} {state}" for state, count in table.tensors.items() if count]
    return f"Tensors: {', '.join(counts)}."


def _stack_figure(run: ReportRun, table: ParameterTable, colors: Palette) -> Figure:
    if run.model is None:  # no tables then either
        raise ValueError(run.id)
    figure: Figure = json.loads(stack_figure(table, run.model, colors).to_json())
    return {"data": figure["data"], "layout": figure["layout"]}
