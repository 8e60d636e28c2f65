"""Loss of several plans over several seeds: the mean as a line, lowest to highest as a band."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from mtl_core.analysis.plans import PlanResult
from mtl_core.analysis.summary import RunSummary
from mtl_core.charts.cells import blended
from mtl_core.charts.labels import LETTER_PIXELS, EndLabel, as_text, cut, end_labels
from mtl_core.charts.loss import MOST_POINTS, Figure
from mtl_core.charts.overlay import XAxis, smoothed
from mtl_core.charts.theme import Palette, TaskStyle, base_layout

HEIGHT = 290
_MARGIN = {"l": 40, "t": 10, "b": 38}
_LONGEST = 18


@dataclass(frozen=True, slots=True)
class Band:
    """A line of means with the lowest and the highest seed beside it."""

    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def validation_band(plan: PlanResult, task: str, axis: XAxis = XAxis.STEP) -> Band:
    """The plan's validation loss, evaluation by evaluation.

    Of finished runs, or of all while none has finished. Runs of one plan are evaluated at the same
    points; where one has fewer, the band ends with the shortest. x is the mean over the seeds.
    """
    runs = [_evaluations(run, task, axis) for run in _with_task(plan, task)]
    return _band([run for run in runs if run])


def training_band(
    plan: PlanResult, task: str, axis: XAxis = XAxis.STEP, smoothing: float = 0.9
) -> Band:
    """The plan's training loss, each run smoothed with `smoothing` on the past, step by step."""
    runs = [_losses(run, task, axis, smoothing) for run in _with_task(plan, task)]
    return _band([run for run in runs if run])


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
    height: int = HEIGHT,
) -> Figure:
    """A Plotly figure as plain values. Plans labelled `in_color` have the task's colour and are
    drawn last; the others are grey. Name and last loss stand where a line ends."""
    order = sorted(plans, key=lambda plan: plan.label in in_color)
    rings = {p.label: validation_band(p, task, x_axis) for p in order} if validation else {}
    lines = {p.label: training_band(p, task, x_axis, smoothing) for p in order} if train else {}
    drawn = [band for bands in (rings, lines) for band in bands.values() if band.x]
    top = 1.06 * max((value for band in drawn for value in band.high), default=0.0) or 1.0
    ends = _ends(rings, lines, in_color, style, colors)
    widest = max((len(each.text) for each in ends), default=0)
    layout = base_layout(
        colors,
        height,
        margin={**_MARGIN, "r": round(16 + LETTER_PIXELS * widest)},
        uirevision=f"{x_axis} {' '.join(plan.label for plan in plans)}",
        hovermode="closest",
        dragmode="zoom",
        annotations=end_labels(ends, (0.0, top), height - _MARGIN["t"] - _MARGIN["b"]),
        xaxis={
            "range": [0, max((band.x[-1] for band in drawn), default=1) or 1],
            "title": {"text": x_axis.value, "font": {"size": 12, "color": colors.muted}},
            "nticks": 7,
            "fixedrange": False,
        },
        yaxis={"range": [0, top], "tickformat": "~g"},
    )
    areas = [
        trace
        for label, band in (rings or lines).items()
        for trace in _area(label, band, label in in_color, style, colors)
    ]
    means = [
        trace
        for label in [plan.label for plan in order]
        for trace in _means(
            label, lines.get(label), rings.get(label), label in in_color, style, colors, x_axis
        )
    ]
    return {"data": [*areas, *means], "layout": layout}


def _with_task(plan: PlanResult, task: str) -> list[RunSummary]:
    """The plan's runs that have the task: the finished ones, or all while none has finished."""
    runs = [run for run in plan.runs.values() if any(each.task.name == task for each in run.tasks)]
    return [run for run in runs if run.finished is not None] or runs


def _began(run: RunSummary, task: str) -> float:
    evaluations = run.task(task).evaluations
    return evaluations[0].elapsed_seconds if evaluations else 0.0


def _evaluations(run: RunSummary, task: str, axis: XAxis) -> list[tuple[float, float]]:
    began = _began(run, task)
    return [
        (_x(point.step, point.epoch, point.elapsed_seconds - began, axis), point.score.loss)
        for point in run.task(task).evaluations
        if point.score.loss is not None
    ]


def _losses(run: RunSummary, task: str, axis: XAxis, smoothing: float) -> list[tuple[float, float]]:
    began, points = _began(run, task), run.task(task).losses
    averaged = smoothed([point.loss for point in points], smoothing)
    return [
        (_x(point.step, point.epoch, point.elapsed_seconds - began, axis), loss)
        for point, loss in zip(points, averaged, strict=True)
    ]


def _x(step: int, epoch: float, seconds: float, axis: XAxis) -> float:
    match axis:
        case XAxis.STEP:
            return step
        case XAxis.EPOCH:
            return epoch
        case XAxis.SECONDS:
            return max(0.0, seconds)


def _band(runs: Sequence[Sequence[tuple[float, float]]]) -> Band:
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


def _area(
    label: str, band: Band, in_color: bool, style: TaskStyle, colors: Palette
) -> list[dict[str, Any]]:
    if len(band.x) < 2 or band.low == band.high:
        return []
    color = style.color if in_color else colors.muted
    fill = blended(color, colors.background, 0.2 if in_color else 0.1)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"{as_text(label)}, lowest to highest",
            "x": [*band.x, *reversed(band.x)],
            "y": [*band.high, *reversed(band.low)],
            "fill": "toself",
            "fillcolor": fill,
            "opacity": 0.7,
            "line": {"color": fill, "width": 0},
            "hoverinfo": "skip",
        }
    ]


def _means(
    label: str,
    train: Band | None,
    validation: Band | None,
    in_color: bool,
    style: TaskStyle,
    colors: Palette,
    axis: XAxis,
) -> list[dict[str, Any]]:
    name, color = as_text(label), style.color if in_color else colors.context
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


def _ends(
    rings: Mapping[str, Band],
    lines: Mapping[str, Band],
    in_color: frozenset[str],
    style: TaskStyle,
    colors: Palette,
) -> list[EndLabel]:
    bands = {label: band for label, band in (rings or lines).items() if band.x}
    return [
        EndLabel(
            f"{cut(label, _LONGEST)} {band.mean[-1]:.2f}",
            band.mean[-1],
            style.text if label in in_color else colors.muted,
            label in in_color,
        )
        for label, band in bands.items()
    ]
