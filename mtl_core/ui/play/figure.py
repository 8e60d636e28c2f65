"""The losses of all tasks of one short run in one small figure."""

from collections.abc import Sequence
from math import log
from typing import Any

from mtl_core.analysis.summary import RunSummary, TaskProgress
from mtl_core.charts.labels import EndLabel, annotation, end_labels
from mtl_core.charts.theme import Figure, Palette, axis_title, base_layout
from mtl_core.freezing.titles import task_title
from mtl_core.tasks.task import Task

HEIGHT = 220

_MARGIN = {"l": 34, "r": 124, "t": 6, "b": 36}  # the labels are to the right


def play_figure(summary: RunSummary, colors: Palette) -> Figure:
    """Builds the figure: a line for each task, smoothed over steps, with its latest value.

    Both axes have their final range from the start, so nothing moves while points arrive. Without
    points, that is written in the middle.
    """
    top = highest_loss([each.task for each in summary.tasks])
    moving = any(each.losses for each in summary.tasks)
    hint = annotation("no step yet", 13, colors.muted, x=0.5, y=0.5, xref="paper", yref="paper")
    plot_pixels = HEIGHT - _MARGIN["t"] - _MARGIN["b"]
    layout = base_layout(
        colors,
        HEIGHT,
        margin=_MARGIN,
        uirevision=summary.run,
        hovermode="x unified",
        annotations=end_labels(_ends(summary, colors), (0, top), plot_pixels) if moving else [hint],
        xaxis={
            "range": [0, summary.total_steps or 1],
            "title": axis_title("step", colors),
            "nticks": 6,
            "showticklabels": summary.total_steps is not None,
        },
        yaxis={"range": [0, top], "tickformat": "~g"},
    )
    return {
        "data": [_line(each, n, colors) for n, each in enumerate(summary.tasks)],
        "layout": layout,
    }


def highest_loss(tasks: Sequence[Task]) -> float:
    """The upper end of the loss axis: a little above the loss of a head that guesses evenly."""
    return 1.1 * max(log(len(task.outputs)) for task in tasks)


def _line(task: TaskProgress, number: int, colors: Palette) -> dict[str, Any]:
    style = colors.task(number)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": task_title(task.task.name),
        "x": [point.step for point in task.losses],
        "y": [point.smoothed for point in task.losses],
        "line": {"color": style.color, "width": 2.4, "dash": style.dash},
        "hovertemplate": "%{y:.2f}",
    }


def _ends(summary: RunSummary, colors: Palette) -> list[EndLabel]:
    """The latest smoothed loss of each task that has one."""
    return [
        EndLabel(
            f"{colors.task(number).letter} · {task_title(task.task.name)} "
            f"{task.losses[-1].smoothed:.2f}",
            task.losses[-1].smoothed,
            colors.task(number).text,
            bold=True,
        )
        for number, task in enumerate(summary.tasks)
        if task.losses
    ]
