"""How far each part of the model moved under each plan: the freeze map, measured."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from math import log
from statistics import fmean

from mtl_core.analysis.plans import PlanResult
from mtl_core.charts.cells import Cell, blended, cell_figure, ink_on
from mtl_core.charts.freeze_map import resting_fill
from mtl_core.charts.loss import Figure
from mtl_core.charts.theme import Palette
from mtl_core.freezing.table import State
from mtl_core.training.events import Movement

_PALEST = 0.14
_LEAST_SPAN = log(10)  # so that values a few per cent apart do not look like all and nothing


class Quantity(StrEnum):
    """What of a group's movement is shown."""

    MOVED = "distance"
    CKA = "likeness"
    GRADIENT = "gradient"


def measured_plans(plans: Sequence[PlanResult]) -> tuple[PlanResult, ...]:
    """The plans of which a finished run told what moved."""
    return tuple(plan for plan in plans if _measured(plan))


def movement_map(
    plans: Sequence[PlanResult], rows: Sequence[str], colors: Palette, quantity: Quantity
) -> Figure:
    """A Plotly figure as plain values: means over the seeds, `rows` from top to bottom.

    Distance is that from the start in % of the start's norm; a frozen group's is exactly 0.
    Likeness is linear CKA with the layer before training (Kornblith et al. 2019), 1 where nothing
    changed: the less alike, the stronger the colour. Gradient is the mean norm before clipping.
    Colour is on a logarithmic scale: heads move a hundred times as far as low layers.
    """
    values = {
        (row, plan.label): value
        for plan in measured_plans(plans)
        for row in rows
        if (value := mean_of(plan, row, quantity)) is not None
    }
    strengths = _strengths({key: _amount(value, quantity) for key, value in values.items()})
    cells = {
        key: _cell(key, value, strengths.get(key), quantity, colors)
        for key, value in values.items()
    }
    used = [row for row in rows if any(key[0] == row for key in cells)]
    return cell_figure(used, [plan.label for plan in measured_plans(plans)], cells, colors)


def mean_of(plan: PlanResult, group: str, quantity: Quantity) -> float | None:
    """One group's mean over the plan's finished seeds; None where no run told it."""
    told = [each[group] for each in _measured(plan) if group in each]
    match quantity:
        case Quantity.MOVED:
            values = [each.moved for each in told]
        case Quantity.CKA:
            values = [each.cka for each in told if each.cka is not None]
        case Quantity.GRADIENT:
            values = [each.gradient_norm for each in told if each.gradient_norm is not None]
    return fmean(values) if values else None


def value_words(value: float, quantity: Quantity) -> str:
    """A value as it stands in its cell: `9.5`, `0.38`, `0` only where it is exactly 0."""
    if quantity is Quantity.CKA:
        return "1" if value == 1 else f"{value:.2f}"
    shown = 100 * value if quantity is Quantity.MOVED else value
    if shown == 0:
        return "0"
    if shown >= 9.95:
        return f"{shown:,.0f}"
    return f"{shown:.1f}" if shown >= 0.995 else f"{float(f'{shown:.2g}'):g}"


def _measured(plan: PlanResult) -> list[Mapping[str, Movement]]:
    runs = plan.runs.values()
    return [run.measured.groups for run in runs if run.measured is not None]


def _amount(value: float, quantity: Quantity) -> float:
    """What the colour stands for: how much changed, 0 for nothing."""
    return max(0.0, 1 - value) if quantity is Quantity.CKA else value


def _strengths(amounts: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Strength of the colour, from the palest to 1, of all that is not 0."""
    above = [value for value in amounts.values() if value > 0]
    if not above:
        return {}
    high = log(max(above))
    low = min(log(min(above)), high - _LEAST_SPAN)
    return {
        key: _PALEST + (1 - _PALEST) * (log(value) - low) / (high - low)
        for key, value in amounts.items()
        if value > 0
    }


def _cell(
    key: tuple[str, str],
    value: float,
    strength: float | None,
    quantity: Quantity,
    colors: Palette,
) -> Cell:
    if strength is None:
        fill = resting_fill(State.FROZEN, colors)
        ink = colors.states[State.FROZEN].on_fill
    else:
        fill = blended(colors.states[State.TRAINABLE].color, colors.background, strength)
        ink = ink_on(fill)
    row, label = key
    return Cell(
        value_words(value, quantity), fill, ink, f"{label}, {row}: {_told(value, quantity)}"
    )


def _told(value: float, quantity: Quantity) -> str:
    match quantity:
        case Quantity.MOVED:
            return (
                "exactly where it was" if value == 0 else f"moved {100 * value:.4g} % of its norm"
            )
        case Quantity.CKA:
            return f"CKA with before training {value:.4f}"
        case Quantity.GRADIENT:
            return f"mean gradient norm {value:.4g}"
