"""The loss of each plan over its seeds, head by head: a line of means in a band."""

from mtl_core.analysis.plans import PlanComparison
from mtl_core.charts.loss_comparison import XAxis, bands_figure, validation_band
from mtl_core.charts.theme import LIGHT, Figure, Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.panel import Panel, file_stem
from mtl_core.tasks.task import Task


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
