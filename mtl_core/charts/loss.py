"""One task's loss over a run: faint raw steps, the smoothed line, rings for validation."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from mtl_core.analysis.summary import LossPoint, PhaseProgress, Progress, RunSummary
from mtl_core.charts.theme import FONT_FAMILY, Palette, TaskStyle, base_layout
from mtl_core.freezing.table import State

MOST_POINTS = 2_000
"""Points a trace may hold; a browser draws that many without a pause."""

HEIGHT = 310
_MARGIN = {"l": 40, "t": 26, "b": 38}
_LABEL_WIDTH = 108  # pixels an end label takes, beyond the axis where the axis is nearly full
_LABEL_PIXELS = 17  # the least distance of two end labels, from one baseline to the next
_NAME_WIDTH = 0.115  # share of the axis a phase's name may need; a narrower phase shows its number

PHASE = "phase"
"""What the note with a phase's name is called: where it has no room, the page cuts it to the
number."""

Figure = dict[str, Any]


def loss_figure(
    summary: RunSummary, task_name: str, colors: Palette, height: int = HEIGHT
) -> Figure:
    """A Plotly figure as plain values, `{"data": …, "layout": …}`.

    x runs over the run's whole length, y from 0. Phases are bands with their names above; the one
    that runs is named in the colour of what learns. "uirevision" is the run, so that a zoom stays
    while points are added.
    """
    number = [each.task.name for each in summary.tasks].index(task_name)
    task, style = summary.tasks[number], colors.task(number)
    losses = thinned(task.losses, MOST_POINTS)
    validation = task.validation_losses[-MOST_POINTS:]
    last_step = max(summary.total_steps or 0, summary.step, 1)
    top = _top([point.loss for point in task.losses], [loss for _, loss in validation])
    shapes, names = _bands(summary.phases, last_step, colors)
    ends = _end_labels(losses, validation, top, style, height)
    layout = base_layout(
        colors,
        height,
        margin={**_MARGIN, "r": _right_margin(summary.step / last_step)},
        uirevision=summary.run,
        hovermode="x unified",
        dragmode="zoom",
        shapes=shapes,
        annotations=[*names, *ends],
        xaxis={
            "range": [0, last_step],
            "title": {"text": "step", "font": {"size": 12, "color": colors.muted}},
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


def _right_margin(share_done: float) -> int:
    return 14 if share_done < 0.65 else _LABEL_WIDTH


def thinned(points: Sequence[LossPoint], most: int) -> Sequence[LossPoint]:
    """At most `most` points that look the same: of each stretch the lowest and the highest loss,
    and always the first and the last."""
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


def _top(losses: Sequence[float], validation: Sequence[float]) -> float:
    """The upper end of the y axis: over every ring and all but the wildest fiftieth of the steps,
    so that one bad batch does not flatten the rest."""
    usual = sorted(losses)[: max(1, round(len(losses) * 0.98))]
    return 1.06 * max([*usual[-1:], *validation], default=0.0) or 1.0


def _bands(
    phases: Sequence[PhaseProgress], last_step: int, colors: Palette
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every second phase as a panel-grey band, and each phase's name above its begin."""
    if len(phases) == 1:
        return [], []
    shapes, names = [], []
    for phase in phases:
        if phase.first_step is None or not phase.steps:
            continue
        end = phase.first_step + phase.steps
        if phase.number % 2 == 0:
            shapes.append(_band(phase.first_step, end, colors))
        names.append(_name(phase, phase.steps / last_step, colors))
    return shapes, names


def _band(start: int, end: int, colors: Palette) -> dict[str, Any]:
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


def _name(phase: PhaseProgress, width: float, colors: Palette) -> dict[str, Any]:
    runs = phase.state is Progress.RUNNING
    color = colors.states[State.TRAINABLE].text if runs else colors.muted
    name = f" {_plain(phase.name)}" if width >= _NAME_WIDTH else ""
    return {
        "name": PHASE,
        "text": f"<b>{phase.number}</b>{name}{' ●' if runs else ''}",
        "x": phase.first_step,
        "xref": "x",
        "xanchor": "left",
        "xshift": 5,
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"family": FONT_FAMILY, "size": 12, "color": color},
    }


def _plain(text: str) -> str:
    """`text` without the signs that Plotly would read as markup, cut where it would not fit."""
    short = text if len(text) <= 18 else f"{text[:17]}…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _end_labels(
    losses: Sequence[LossPoint],
    validation: Sequence[tuple[int, float]],
    top: float,
    style: TaskStyle,
    height: int,
) -> list[dict[str, Any]]:
    """The latest values right of the last point, pushed apart where they would touch."""
    ends = []
    if validation:
        ends.append(("validation", *validation[-1]))
    if losses:
        ends.append(("train", losses[-1].step, losses[-1].smoothed))
    a_pixel = top / (height - _MARGIN["t"] - _MARGIN["b"])
    heights = pushed_apart([loss for _, _, loss in ends], _LABEL_PIXELS * a_pixel)
    return [
        {
            "text": f"{name} <b>{loss:.2f}</b>",
            "x": max(step for _, step, _ in ends),
            "xref": "x",
            "xanchor": "left",
            "xshift": 10,
            "y": min(top, max(0.0, y)),  # beyond the axis Plotly would drop it without a word
            "yref": "y",
            "yanchor": "middle",
            "showarrow": False,
            "font": {"family": FONT_FAMILY, "size": 13, "color": style.text},
        }
        for (name, _, loss), y in zip(ends, heights, strict=True)
    ]


def pushed_apart(heights: Sequence[float], least: float) -> list[float]:
    """The same heights, moved as little as makes neighbours at least `least` apart."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    moved = list(heights)
    for _ in range(50):
        for lower, upper in pairwise(order):
            overlap = least - (moved[upper] - moved[lower])
            if overlap > 1e-9:
                moved[lower] -= overlap / 2
                moved[upper] += overlap / 2
    return moved
