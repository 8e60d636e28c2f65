"""One task's loss in several runs (overlay) or in several plans over seeds (bands)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import Any

from mtl_core.analysis.plans import PlanResult
from mtl_core.analysis.summary import LossPoint, RunSummary, ScorePoint
from mtl_core.charts.labels import (
    EndLabel,
    end_label_margin,
    end_labels,
    escape_markup,
    truncate,
)
from mtl_core.charts.loss import MOST_POINTS, downsample, loss_axis_top
from mtl_core.charts.theme import Figure, Palette, TaskStyle, axis_title, base_layout, blend

OVERLAY_HEIGHT, BANDS_HEIGHT = 300, 290
_MARGIN = {"l": 40, "t": 10, "b": 38}
_NAME_LIMIT = 22


class XAxis(StrEnum):
    """The quantity on the x axis.

    Seconds start at the end of the evaluation before training and include later evaluations.
    """

    STEP = "step"
    EPOCH = "epoch"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class OverlaidRun:
    """A run in the overlay, with its label."""

    label: str
    summary: RunSummary
    in_color: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """A line of means over seeds, with the lowest and the highest seed at each point."""

    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A run's points to draw: (xs, losses) of training and of validation."""

    label: str
    in_color: bool
    train: tuple[list[float], list[float]]
    validation: tuple[list[float], list[float]]

    @property
    def end(self) -> float | None:
        """The last value drawn: of validation if it is shown, else of training."""
        for _, losses in (self.validation, self.train):
            if losses:
                return losses[-1]
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
    height: int = OVERLAY_HEIGHT,
) -> Figure:
    """Builds the losses of runs; one may be in the task's colour, the others are grey.

    `smoothing` is the weight of past losses, 0 for none. Runs without the task are omitted.
    """
    lines = [
        _line(run, task, x_axis, train, validation, smoothing)
        for run in sorted(runs, key=lambda run: run.in_color)  # the coloured one on top
        if any(each.task.name == task for each in run.summary.tasks)
    ]
    top = loss_axis_top(
        [loss for line in lines for loss in line.train[1]],
        [loss for line in lines for loss in line.validation[1]],
    )
    right = max(
        (x for line in lines for xs in (line.train[0], line.validation[0]) for x in xs), default=1
    )
    ends = [
        _end_label(line.label, line.end, line.in_color, style, colors)
        for line in lines
        if line.end is not None
    ]
    names = [run.summary.run for run in runs]
    return {
        "data": [trace for line in lines for trace in _run_traces(line, style, colors, x_axis)],
        "layout": _layout(names, ends, x_axis, (right, top), height, colors),
    }


def bands_figure(
    plans: Sequence[PlanResult],
    task: str,
    in_color: frozenset[str],
    style: TaskStyle,
    colors: Palette,
    *,
    x_axis: XAxis = XAxis.STEP,
    train: bool = False,
    validation: bool = True,
    smoothing: float = 0.9,
    height: int = BANDS_HEIGHT,
) -> Figure:
    """Builds the losses of plans: means over seeds as lines, lowest to highest seed as bands.

    Plans labelled `in_color` have the task's colour and are drawn last; the others are grey.
    """
    order = sorted(plans, key=lambda plan: plan.label in in_color)
    scored = {p.label: validation_band(p, task, x_axis) for p in order} if validation else {}
    trained = {p.label: training_band(p, task, x_axis, smoothing) for p in order} if train else {}
    drawn = [band for bands in (scored, trained) for band in bands.values() if band.x]
    top = 1.06 * max((value for band in drawn for value in band.high), default=0.0) or 1.0
    right = max((band.x[-1] for band in drawn), default=1)
    ends = [
        _end_label(label, band.mean[-1], label in in_color, style, colors)
        for label, band in (scored or trained).items()
        if band.x
    ]
    areas = [
        trace
        for label, band in (scored or trained).items()
        for trace in band_area(
            label, band.x, band.low, band.high, style if label in in_color else None, colors
        )
    ]
    means = [
        trace
        for label in [plan.label for plan in order]
        for trace in _plan_traces(
            label, trained.get(label), scored.get(label), label in in_color, style, colors, x_axis
        )
    ]
    names = [plan.label for plan in plans]
    return {
        "data": [*areas, *means],
        "layout": _layout(names, ends, x_axis, (right, top), height, colors),
    }


def validation_band(plan: PlanResult, task: str, axis: XAxis = XAxis.STEP) -> Band:
    """The plan's validation loss at each evaluation.

    Uses the finished runs, or all if none has finished. The runs of a plan are evaluated at the
    same points; the band ends with the shortest run. x is the mean over seeds.
    """
    runs = [_evaluations(run, task, axis) for run in _runs_with(plan, task)]
    return _band([run for run in runs if run])


def training_band(
    plan: PlanResult, task: str, axis: XAxis = XAxis.STEP, smoothing: float = 0.9
) -> Band:
    """The plan's training loss at each step; each run is smoothed separately."""
    runs = [_losses(run, task, axis, smoothing) for run in _runs_with(plan, task)]
    return _band([run for run in runs if run])


def band_area(
    label: str,
    x: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    style: TaskStyle | None,
    colors: Palette,
) -> list[dict[str, Any]]:
    """The filled area from `low` to `high`; none for fewer than two points or no spread.

    `style` None: grey.
    """
    if len(x) < 2 or list(low) == list(high):
        return []
    color = style.color if style else colors.muted
    fill = blend(color, colors.background, 0.2 if style else 0.1)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"{escape_markup(label)}, lowest to highest",
            "x": [*x, *reversed(x)],
            "y": [*high, *reversed(low)],
            "fill": "toself",
            "fillcolor": fill,
            "opacity": 0.7,
            "line": {"color": fill, "width": 0},
            "hoverinfo": "skip",
        }
    ]


def smooth(losses: Sequence[float], weight: float) -> list[float]:
    """Exponential moving average with `weight` on past values, corrected for its start.

    The first value is unchanged. Source: Kingma & Ba 2015, section 3.
    """
    average, mass, values = 0.0, 0.0, []
    for loss in losses:
        average = weight * average + (1 - weight) * loss
        mass = weight * mass + (1 - weight)
        values.append(average / mass)
    return values


def _layout(
    names: Sequence[str],
    ends: Sequence[EndLabel],
    x_axis: XAxis,
    ranges: tuple[float, float],
    height: int,
    colors: Palette,
) -> dict[str, Any]:
    """The layout of both figures; `ranges` are the right and the upper end of the axes."""
    right, top = ranges
    return base_layout(
        colors,
        height,
        margin={**_MARGIN, "r": end_label_margin(ends)},
        uirevision=f"{x_axis} {' '.join(names)}",
        hovermode="closest",
        dragmode="zoom",
        annotations=end_labels(ends, (0.0, top), height - _MARGIN["t"] - _MARGIN["b"]),
        xaxis={
            "range": [0, right or 1],
            "title": axis_title(x_axis.value, colors),
            "nticks": 7,
            "fixedrange": False,
        },
        yaxis={"range": [0, top], "tickformat": "~g"},
    )


def _end_label(
    label: str, value: float, in_color: bool, style: TaskStyle, colors: Palette
) -> EndLabel:
    text = f"{truncate(label, _NAME_LIMIT)} {value:.2f}"
    return EndLabel(text, value, style.text if in_color else colors.muted, in_color)


def _line(
    run: OverlaidRun, task: str, axis: XAxis, train: bool, validation: bool, smoothing: float
) -> _Line:
    progress, start = run.summary.task(task), _start_seconds(run.summary, task)
    averaged = smooth([point.loss for point in progress.losses], smoothing)
    points = [
        LossPoint(point.step, point.epoch, loss, loss, point.elapsed_seconds)
        for point, loss in zip(progress.losses, averaged, strict=True)
    ]
    kept = downsample(points, MOST_POINTS) if train else []
    with_loss = [each for each in progress.evaluations if each.score.loss is not None]
    scored = with_loss[-MOST_POINTS:] if validation else []
    return _Line(
        run.label,
        run.in_color,
        ([_x(each, axis, start) for each in kept], [each.loss for each in kept]),
        ([_x(each, axis, start) for each in scored], [each.score.loss or 0.0 for each in scored]),
    )


def _run_traces(
    line: _Line, style: TaskStyle, colors: Palette, axis: XAxis
) -> list[dict[str, Any]]:
    color = style.color if line.in_color else colors.context
    dash = style.dash if line.in_color else "solid"
    name = escape_markup(line.label)
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
            "x": line.validation[0],
            "y": line.validation[1],
            "line": {"color": color, "width": 1.4 if line.in_color else 1, "dash": dash},
            "marker": {
                "symbol": f"{style.symbol}-open",
                "size": 8 if line.in_color else 6,
                "line": {"width": 2 if line.in_color else 1.4, "color": color},
            },
            "hovertemplate": f"<b>{name}</b>, validation {where}",
        },
    ]


def _plan_traces(
    label: str,
    train: Band | None,
    validation: Band | None,
    in_color: bool,
    style: TaskStyle,
    colors: Palette,
    axis: XAxis,
) -> list[dict[str, Any]]:
    name, color = escape_markup(label), style.color if in_color else colors.context
    dash = style.dash if in_color else "solid"
    where = f"%{{y:.3f}} at {axis.value} %{{x:,.4~g}}<extra></extra>"
    shared = {"type": "scatter", "cliponaxis": False}
    found: list[dict[str, Any]] = []
    if train is not None and train.x:
        found.append(
            {
                **shared,
                "mode": "lines",
                "name": name,
                "x": list(train.x),
                "y": list(train.mean),
                "line": {"color": color, "width": 1.1, "dash": dash},
                "hovertemplate": f"<b>{name}</b>, train {where}",
            }
        )
    if validation is not None and validation.x:
        found.append(
            {
                **shared,
                "mode": "lines+markers",
                "name": f"{name}, validation",
                "x": list(validation.x),
                "y": list(validation.mean),
                "line": {"color": color, "width": 2.4 if in_color else 1.3, "dash": dash},
                "marker": {
                    "symbol": f"{style.symbol}-open",
                    "size": 7 if in_color else 5,
                    "line": {"width": 1.8 if in_color else 1.2, "color": color},
                },
                "hovertemplate": f"<b>{name}</b>, validation {where}",
            }
        )
    return found


def _runs_with(plan: PlanResult, task: str) -> list[RunSummary]:
    """The plan's runs that have the task: the finished ones, or all if none has finished."""
    runs = [run for run in plan.runs.values() if any(each.task.name == task for each in run.tasks)]
    return [run for run in runs if run.finished is not None] or runs


def _start_seconds(run: RunSummary, task: str) -> float:
    """Elapsed seconds at the evaluation before training."""
    evaluations = run.task(task).evaluations
    return evaluations[0].elapsed_seconds if evaluations else 0.0


def _evaluations(run: RunSummary, task: str, axis: XAxis) -> list[tuple[float, float]]:
    start = _start_seconds(run, task)
    return [
        (_x(point, axis, start), point.score.loss)
        for point in run.task(task).evaluations
        if point.score.loss is not None
    ]


def _losses(run: RunSummary, task: str, axis: XAxis, smoothing: float) -> list[tuple[float, float]]:
    start, points = _start_seconds(run, task), run.task(task).losses
    averaged = smooth([point.loss for point in points], smoothing)
    return [(_x(point, axis, start), loss) for point, loss in zip(points, averaged, strict=True)]


def _x(point: LossPoint | ScorePoint, axis: XAxis, start_seconds: float) -> float:
    match axis:
        case XAxis.STEP:
            return point.step
        case XAxis.EPOCH:
            return point.epoch
        case XAxis.SECONDS:
            return max(0.0, point.elapsed_seconds - start_seconds)


def _band(runs: Sequence[Sequence[tuple[float, float]]]) -> Band:
    """The band over runs of (x, loss) points, thinned to `MOST_POINTS`."""
    places = list(zip(*runs, strict=False))
    if len(places) > MOST_POINTS:
        every = -(-len(places) // MOST_POINTS)
        places = places[:-1:every] + places[-1:]
    losses = [[loss for _, loss in place] for place in places]
    return Band(
        tuple(fmean(x for x, _ in place) for place in places),
        tuple(fmean(each) for each in losses),
        tuple(min(each) for each in losses),
        tuple(max(each) for each in losses),
    )
