"""One task's loss in several runs: one run in the task's colour, the others in grey."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mtl_core.analysis.summary import LossPoint, RunSummary, ScorePoint
from mtl_core.charts.labels import LETTER_PIXELS, EndLabel, as_text, cut, end_labels
from mtl_core.charts.loss import MOST_POINTS, Figure, thinned
from mtl_core.charts.theme import Palette, TaskStyle, base_layout

HEIGHT = 300
_MARGIN = {"l": 40, "t": 10, "b": 38}
_LONGEST_LABEL = 18


class XAxis(StrEnum):
    """What runs from left to right. Seconds count from the end of the evaluation before training,
    the later evaluations included."""

    STEP = "step"
    EPOCH = "epoch"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class OverlaidRun:
    """A run in the figure, under the name it goes by."""

    label: str
    summary: RunSummary
    in_color: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    label: str
    in_color: bool
    train: tuple[list[float], list[float]]
    rings: tuple[list[float], list[float]]

    @property
    def end(self) -> float | None:
        """The latest value drawn: the validation's where it is shown."""
        for _, ys in (self.rings, self.train):
            if ys:
                return ys[-1]
        return None


def overlay_figure(
    runs: Sequence[OverlaidRun],
    task: str,
    style: TaskStyle,
    colors: Palette,
    *,
    x_axis: XAxis = XAxis.STEP,
    train: bool = True,
    validation: bool = True,
    smoothing: float = 0.9,
    height: int = HEIGHT,
) -> Figure:
    """A Plotly figure as plain values. `smoothing` is the weight of the past, 0 for none.

    Runs without the task are left out. The run in colour is drawn last, above the others.
    """
    lines = [
        _line(run, task, x_axis, train, validation, smoothing)
        for run in sorted(runs, key=lambda run: run.in_color)
        if any(each.task.name == task for each in run.summary.tasks)
    ]
    top = _top(lines)
    right = max(
        (x for line in lines for xs in (line.train[0], line.rings[0]) for x in xs), default=1
    )
    labels = [_label(line) for line in lines]
    widest = max((len(text) for text in labels), default=0)
    layout = base_layout(
        colors,
        height,
        margin={**_MARGIN, "r": round(16 + LETTER_PIXELS * widest)},
        uirevision=f"{x_axis} {' '.join(run.summary.run for run in runs)}",
        hovermode="closest",
        dragmode="zoom",
        annotations=_end_labels(lines, labels, top, style, colors, height),
        xaxis={
            "range": [0, right or 1],
            "title": {"text": x_axis.value, "font": {"size": 12, "color": colors.muted}},
            "nticks": 7,
            "fixedrange": False,
        },
        yaxis={"range": [0, top], "tickformat": "~g"},
    )
    return {
        "data": [trace for line in lines for trace in _traces(line, style, colors, x_axis)],
        "layout": layout,
    }


def smoothed(losses: Sequence[float], weight: float) -> list[float]:
    """Exponential moving average with `weight` on the past, corrected for its start
    (Kingma & Ba 2015, section 3): the first value stays."""
    average, mass, values = 0.0, 0.0, []
    for loss in losses:
        average = weight * average + (1 - weight) * loss
        mass = weight * mass + (1 - weight)
        values.append(average / mass)
    return values


def _line(
    run: OverlaidRun, task: str, axis: XAxis, train: bool, validation: bool, smoothing: float
) -> _Line:
    progress = run.summary.task(task)
    began = progress.evaluations[0].elapsed_seconds if progress.evaluations else 0.0
    averaged = smoothed([point.loss for point in progress.losses], smoothing)
    points = [
        LossPoint(point.step, point.epoch, loss, loss, point.elapsed_seconds)
        for point, loss in zip(progress.losses, averaged, strict=True)
    ]
    kept = thinned(points, MOST_POINTS) if train else []
    scored = [each for each in progress.evaluations if each.score.loss is not None]
    rings = scored[-MOST_POINTS:] if validation else []
    return _Line(
        run.label,
        run.in_color,
        ([_x(point, axis, began) for point in kept], [point.loss for point in kept]),
        ([_x(each, axis, began) for each in rings], [each.score.loss or 0.0 for each in rings]),
    )


def _x(point: LossPoint | ScorePoint, axis: XAxis, began: float) -> float:
    match axis:
        case XAxis.STEP:
            return point.step
        case XAxis.EPOCH:
            return point.epoch
        case XAxis.SECONDS:
            return max(0.0, point.elapsed_seconds - began)


def _top(lines: Sequence[_Line]) -> float:
    """The upper end of the y axis: over every ring and all but the wildest fiftieth of the rest."""
    losses = sorted(loss for line in lines for loss in line.train[1])
    usual = losses[: max(1, round(len(losses) * 0.98))][-1:]
    rings = [loss for line in lines for loss in line.rings[1]]
    return 1.06 * max([*usual, *rings], default=0.0) or 1.0


def _traces(line: _Line, style: TaskStyle, colors: Palette, axis: XAxis) -> list[dict[str, Any]]:
    color = style.color if line.in_color else colors.context
    dash = style.dash if line.in_color else "solid"
    name = as_text(line.label, 60)
    shared = {"type": "scatter", "cliponaxis": False}
    where = f"%{{y:.3f}} at {axis.value} %{{x:,.4~g}}<extra></extra>"
    return [
        {
            **shared,
            "mode": "lines",
            "name": name,
            "x": line.train[0],
            "y": line.train[1],
            "line": {"color": color, "width": 2.4 if line.in_color else 1.3, "dash": dash},
            "cliponaxis": True,
            "hovertemplate": f"<b>{name}</b>, train {where}",
        },
        {
            **shared,
            "mode": "lines+markers",
            "name": f"{name}, validation",
            "x": line.rings[0],
            "y": line.rings[1],
            "line": {"color": color, "width": 1.4 if line.in_color else 1, "dash": dash},
            "marker": {
                "symbol": f"{style.symbol}-open",
                "size": 8 if line.in_color else 6,
                "line": {"width": 2 if line.in_color else 1.4, "color": color},
            },
            "hovertemplate": f"<b>{name}</b>, validation {where}",
        },
    ]


def _label(line: _Line) -> str:
    return "" if line.end is None else f"{cut(line.label, _LONGEST_LABEL)} {line.end:.2f}"


def _end_labels(
    lines: Sequence[_Line],
    labels: Sequence[str],
    top: float,
    style: TaskStyle,
    colors: Palette,
    height: int,
) -> list[dict[str, Any]]:
    """Each run's name and latest value at the right edge."""
    ended = [
        EndLabel(
            text, line.end or 0.0, style.text if line.in_color else colors.muted, line.in_color
        )
        for line, text in zip(lines, labels, strict=True)
        if text
    ]
    return end_labels(ended, (0.0, top), height - _MARGIN["t"] - _MARGIN["b"])
