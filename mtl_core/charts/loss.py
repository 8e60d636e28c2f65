"""One task's loss over one run: each step, the smoothed line, and rings for evaluations."""

from collections.abc import Sequence
from math import exp
from typing import Any

from mtl_core.analysis.summary import LossPoint, PhaseProgress, ProgressState, RunSummary
from mtl_core.charts.labels import LABEL_PIXELS, annotation, escape_markup, spread_apart
from mtl_core.charts.theme import Figure, Palette, TaskStyle, axis_title, base_layout
from mtl_core.freezing.table import State

MOST_POINTS = 2_000
"""Points per trace; a browser draws this many without a noticeable delay."""

HEIGHT = 310
_MARGIN = {"l": 40, "t": 26, "b": 38}
_LABEL_WIDTH = 108  # pixels of an end label beyond the axis, when the axis is nearly full
_NAME_WIDTH = 0.115  # share of the axis that a phase's name needs; narrower ones show the number

PHASE = "phase"
"""The `name` of annotations with phase names, which the page shortens to the number if needed."""


def loss_figure(
    summary: RunSummary, task_name: str, colors: Palette, height: int = HEIGHT
) -> Figure:
    """Builds the loss curve of a run.

    The x axis covers the whole run, y starts at 0. Phases are bands with their names above; the
    running one has the colour of trainable tensors. "uirevision" is the run's id, which keeps the
    zoom while points are added.
    """
    number = [each.task.name for each in summary.tasks].index(task_name)
    task, style = summary.tasks[number], colors.task(number)
    losses = downsample(task.losses, MOST_POINTS)
    validation = task.validation_losses[-MOST_POINTS:]
    last_step = max(summary.total_steps or 0, summary.step, 1)
    top = loss_axis_top([point.loss for point in task.losses], [loss for _, loss in validation])
    shapes, names = _phase_bands(summary.phases, last_step, colors)
    ends = _end_labels(losses, validation, top, style, height)
    layout = base_layout(
        colors,
        height,
        margin={**_MARGIN, "r": 14 if summary.step / last_step < 0.65 else _LABEL_WIDTH},
        uirevision=summary.run,
        hovermode="x unified",
        dragmode="zoom",
        shapes=shapes,
        annotations=[*names, *ends],
        xaxis={
            "range": [0, last_step],
            "title": axis_title("step", colors),
            "nticks": 7,
            **({"dtick": 1} if last_step < 7 else {}),
            "tickformat": ",d",
            "fixedrange": False,
            "unifiedhovertitle": {"text": "step %{x:,}"},
            "showspikes": False,  # Plotly underlays them with a thick line of the opposite colour
        },
        yaxis={"range": [0, top], "tickformat": "~g"},
    )
    return {"data": _traces(losses, validation, style), "layout": layout}


def loss_sketch(title: str, colors: Palette, height: int = 260) -> Figure:
    """Builds the placeholder of a loss figure for an empty page: axes and a line without values.

    `title` describes what the figure will show.
    """
    xs = [i / 60 for i in range(61)]
    line = {"color": colors.context, "width": 2.2, "dash": "dot"}
    axis = {"showticklabels": False, "ticks": "", "linecolor": colors.grid, "nticks": 4}
    place = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom"}
    layout = base_layout(
        colors,
        height,
        margin={"l": 28, "r": 14, "t": 28, "b": 30},
        hovermode=False,
        xaxis={**axis, "range": [0, 1], "title": axis_title("step", colors)},
        yaxis={**axis, "range": [0, 1.1], "title": axis_title("loss", colors)},
        annotations=[annotation(title, 13, colors.muted, xref="paper", yref="paper", **place)],
    )
    ys = [0.25 + 0.7 * exp(-3.2 * x) for x in xs]
    trace = {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "line": line}
    return {"data": [{**trace, "hoverinfo": "skip"}], "layout": layout}


def downsample(points: Sequence[LossPoint], most: int) -> Sequence[LossPoint]:
    """Selects at most `most` points that look the same when drawn.

    Keeps the first and the last point, and the lowest and highest loss of each stretch between.
    """
    if len(points) <= most:
        return points
    inner = points[1:-1]
    stretches = (most - 2) // 2
    kept = [points[0]]
    for number in range(stretches):
        start = number * len(inner) // stretches
        stretch = inner[start : (number + 1) * len(inner) // stretches]
        ends = {min(stretch, key=_loss), max(stretch, key=_loss)}
        kept += sorted(ends, key=lambda point: point.step)
    return [*kept, points[-1]]


def loss_axis_top(training: Sequence[float], validation: Sequence[float]) -> float:
    """The upper end of the y axis.

    Covers all validation losses and the lowest 98 % of the training losses, so that an outlier
    does not flatten the rest.
    """
    usual = sorted(training)[: max(1, round(len(training) * 0.98))]
    return 1.06 * max([*usual[-1:], *validation], default=0.0) or 1.0


def _loss(point: LossPoint) -> float:
    return point.loss


def _traces(
    losses: Sequence[LossPoint], validation: Sequence[tuple[int, float]], style: TaskStyle
) -> list[dict[str, Any]]:
    steps = [point.step for point in losses]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "each step",
            "x": steps,
            "y": [point.loss for point in losses],
            "line": {"color": style.color, "width": 1},
            "opacity": 0.32,
            "hovertemplate": "%{y:.3f}",
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "train, smoothed",
            "x": steps,
            "y": [point.smoothed for point in losses],
            "line": {"color": style.color, "width": 2.2, "dash": style.dash},
            "hovertemplate": "%{y:.3f}",
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "validation",
            "x": [step for step, _ in validation],
            "y": [loss for _, loss in validation],
            "line": {"color": style.color, "width": 1.4, "dash": style.dash},
            "marker": {
                "symbol": f"{style.symbol}-open",
                "size": 8,
                "line": {"width": 2, "color": style.color},
            },
            "hovertemplate": "%{y:.3f} at step %{x:,}",
            "cliponaxis": False,
        },
    ]


def _phase_bands(
    phases: Sequence[PhaseProgress], last_step: int, colors: Palette
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A grey band for every second phase, and the name of each phase above its start."""
    if len(phases) == 1:
        return [], []
    shapes, names = [], []
    for phase in phases:
        if phase.first_step is None or not phase.steps:
            continue
        end = phase.first_step + phase.steps
        if phase.number % 2 == 0:
            shapes.append(_phase_band(phase.first_step, end, colors))
        names.append(_phase_name(phase, phase.steps / last_step, colors))
    return shapes, names


def _phase_band(start: int, end: int, colors: Palette) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": start,
        "x1": end,
        "y0": 0,
        "y1": 1,
        "fillcolor": colors.panel,
        "line": {"width": 0},
        "layer": "below",
    }


def _phase_name(phase: PhaseProgress, width: float, colors: Palette) -> dict[str, Any]:
    running = phase.state is ProgressState.RUNNING
    color = colors.states[State.TRAINABLE].text if running else colors.muted
    name = f" {escape_markup(phase.name, 18)}" if width >= _NAME_WIDTH else ""
    place = {"xref": "x", "xanchor": "left", "xshift": 5, "yref": "paper", "yanchor": "bottom"}
    text = f"<b>{phase.number}</b>{name}{' ●' if running else ''}"
    return {"name": PHASE, **annotation(text, 12, color, x=phase.first_step, y=1, **place)}


def _end_labels(
    losses: Sequence[LossPoint],
    validation: Sequence[tuple[int, float]],
    top: float,
    style: TaskStyle,
    height: int,
) -> list[dict[str, Any]]:
    """The latest values to the right of the last point, without overlaps."""
    ends = []
    if validation:
        ends.append(("validation", *validation[-1]))
    if losses:
        ends.append(("train", losses[-1].step, losses[-1].smoothed))
    loss_per_pixel = top / (height - _MARGIN["t"] - _MARGIN["b"])
    heights = spread_apart([loss for _, _, loss in ends], LABEL_PIXELS * loss_per_pixel)
    return [
        annotation(
            f"{name} <b>{loss:.2f}</b>",
            13,
            style.text,
            x=max(step for _, step, _ in ends),
            xref="x",
            xanchor="left",
            xshift=10,
            y=min(top, max(0.0, y)),  # Plotly silently drops annotations outside the axis
            yref="y",
            yanchor="middle",
        )
        for (name, _, loss), y in zip(ends, heights, strict=True)
    ]
