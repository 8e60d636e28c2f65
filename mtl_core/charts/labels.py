"""Words inside a figure: made harmless, cut, wrapped, and kept apart from one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mtl_core.charts.loss import pushed_apart
from mtl_core.charts.theme import FONT_FAMILY

LABEL_PIXELS = 17
"""The least distance of two end labels, from one baseline to the next."""

LETTER_PIXELS = 6.4
"""Width of an average letter at the size of a label."""

_NARROW, _BROAD = frozenset("fijlrtI.,:;'|()-– "), frozenset("mwMW@%")
_NARROW_PIXELS, _BROAD_PIXELS = 3.7, 9.2


@dataclass(frozen=True, slots=True)
class EndLabel:
    """A line's name and value where it ends."""

    text: str
    y: float
    color: str
    bold: bool = False


def cut(text: str, longest: int) -> str:
    """`text` in at most `longest` letters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def as_text(text: str, longest: int = 60) -> str:
    """`text` cut, and without the signs that Plotly would read as markup."""
    short = cut(text, longest)
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def text_pixels(text: str) -> float:
    """About the width of a text at the size of a label, rather too wide than too narrow."""
    narrow, broad = (sum(each in kind for each in text) for kind in (_NARROW, _BROAD))
    rest = len(text) - narrow - broad
    return narrow * _NARROW_PIXELS + broad * _BROAD_PIXELS + rest * LETTER_PIXELS


def note(text: str, size: int, color: str, **place: Any) -> dict[str, Any]:
    """An annotation without an arrow; `place` is Plotly's x, y and what they refer to."""
    font = {"family": FONT_FAMILY, "size": size, "color": color}
    return {"text": text, "showarrow": False, "font": font, **place}


def end_labels(
    labels: Sequence[EndLabel], y_range: tuple[float, float], plot_pixels: float
) -> list[dict[str, Any]]:
    """The labels at the right edge, pushed apart where they would touch and kept on the axis:
    beyond it Plotly drops a label without a word."""
    low, high = y_range
    least = LABEL_PIXELS * (high - low) / plot_pixels
    heights = _inside(pushed_apart([each.y for each in labels], least), low, high)
    return [
        note(
            f"<b>{as_text(each.text, 80)}</b>" if each.bold else as_text(each.text, 80),
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


def _inside(heights: Sequence[float], low: float, high: float) -> list[float]:
    """The heights moved together onto the axis."""
    if not heights:
        return []
    up = max(0.0, low - min(heights))
    down = max(0.0, max(heights) + up - high)
    return [min(high, max(low, y + up - down)) for y in heights]
