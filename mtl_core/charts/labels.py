"""Text in figures: escaping, widths, annotations, end labels, and round values for ticks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10
from typing import Any

from mtl_core.charts.theme import FONT_FAMILY

LABEL_PIXELS = 17
"""The smallest distance between two end labels, from baseline to baseline."""

LETTER_PIXELS = 6.4
"""Width of an average letter at the font size of a label."""

_NARROW, _BROAD = frozenset("fijlrtI.,:;'|()-– "), frozenset("mwMW@%")
_NARROW_PIXELS, _BROAD_PIXELS = 3.7, 9.2


@dataclass(frozen=True, slots=True)
class EndLabel:
    """The label at the right end of a line: its name and last value."""

    text: str
    y: float
    color: str
    bold: bool = False


def truncate(text: str, limit: int) -> str:
    """Returns `text` cut to `limit` characters, with an ellipsis if it was longer."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def escape_markup(text: str, limit: int = 60) -> str:
    """Truncates `text` and escapes the characters that Plotly would parse as markup."""
    short = truncate(text, limit)
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def text_pixels(text: str) -> float:
    """Estimates the width of `text` at the font size of a label; rather too wide than too narrow.

    Letters count as narrow, average or broad.
    """
    narrow, broad = (sum(each in kind for each in text) for kind in (_NARROW, _BROAD))
    rest = len(text) - narrow - broad
    return narrow * _NARROW_PIXELS + broad * _BROAD_PIXELS + rest * LETTER_PIXELS


def annotation(text: str, size: int, color: str, **place: Any) -> dict[str, Any]:
    """Builds an annotation without an arrow. `place` holds Plotly's position keys (x, y, …)."""
    font = {"family": FONT_FAMILY, "size": size, "color": color}
    return {"text": text, "showarrow": False, "font": font, **place}


def end_labels(
    labels: Sequence[EndLabel], y_range: tuple[float, float], plot_pixels: float
) -> list[dict[str, Any]]:
    """Builds the annotations of labels at the right edge, without overlaps.

    All are kept within the axis range: Plotly silently drops an annotation outside it.
    """
    low, high = y_range
    distance = LABEL_PIXELS * (high - low) / plot_pixels
    heights = _shift_into(spread_apart([each.y for each in labels], distance), low, high)
    return [
        annotation(
            f"<b>{escape_markup(each.text, 80)}</b>" if each.bold else escape_markup(each.text, 80),
            12,
            each.color,
            x=1,
            xref="paper",
            xanchor="left",
            xshift=8,
            y=y,
            yref="y",
            yanchor="middle",
        )
        for each, y in zip(labels, heights, strict=True)
    ]


def end_label_margin(labels: Sequence[EndLabel]) -> int:
    """The right margin in pixels that the longest of the labels needs."""
    return round(16 + LETTER_PIXELS * max((len(each.text) for each in labels), default=0))


def spread_apart(heights: Sequence[float], distance: float) -> list[float]:
    """Moves heights as little as needed for neighbours to be at least `distance` apart."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    moved = list(heights)
    for _ in range(50):
        for lower, upper in pairwise(order):
            overlap = distance - (moved[upper] - moved[lower])
            if overlap > 1e-9:
                moved[lower] -= overlap / 2
                moved[upper] += overlap / 2
    return moved


def round_steps(low: float, high: float, most: int, step: float | None = None) -> list[float]:
    """Round tick values from `low` to `high`, at most `most` + 1 of them.

    `step` None: the smallest fitting step of 1, 2 or 5 times a power of ten.
    """
    if high <= low:
        return []
    least = (high - low) / max(most, 1)
    power = 10 ** floor(log10(least))
    step = step or next(each * power for each in (1, 2, 5, 10) if each * power >= least * 0.999)
    return [n * step for n in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]


def round_steps_log(low: float, high: float, most: int) -> list[float]:
    """Round tick values from `low` to `high` for a logarithmic axis, about `most` of them.

    Each power of ten gets 1, 2 and 5 if they fit, else 1 and 3, else 1. A range narrower than a
    factor of 5 gets linear steps.
    """
    if high <= low or low <= 0:
        return []
    if high / low < 5:
        return round_steps(low, high, most)
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    for leads in ((1, 2, 5), (1, 3), (1,)):
        values = [lead * 10.0**power for power in powers for lead in leads]
        inside = [float(f"{value:.6g}") for value in values if low <= value <= high]
        if len(inside) <= most:
            return inside
    return inside[:: ceil(len(inside) / most)]


def _shift_into(heights: Sequence[float], low: float, high: float) -> list[float]:
    """Shifts all heights by the same amount into the range, then clips them."""
    if not heights:
        return []
    up = max(0.0, low - min(heights))
    down = max(0.0, max(heights) + up - high)
    return [min(high, max(low, y + up - down)) for y in heights]
