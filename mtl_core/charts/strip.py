"""A strip for one claim: its effect and interval, with "no effect" always in the middle.

Drawn as SVG: a page of claims holds dozens of strips, and dozens of Plotly figures are slow.
"""

from math import log

from mtl_core.analysis.claim_verdicts import Finding, Scale
from mtl_core.charts.theme import Palette

WIDTH, HEIGHT = 220, 40
_MIDDLE, _HALF = WIDTH / 2, WIDTH / 2 - 10
_LEAST_REACH = 0.02  # so that an effect of next to nothing does not fill the strip


def strip_svg(finding: Finding, published: float | None, colors: Palette) -> str | None:
    """The strip as an SVG document; None where there is no effect to draw around a middle.

    A dot is the effect, a line its 95 % interval, a diamond the published effect, a dashed tick
    the bar where it is not "no effect". Right of the middle speaks for the claim. Ratios are on a
    logarithmic scale; each strip has a scale of its own.
    """
    if finding.effect is None or finding.scale is Scale.SHARE:
        return None
    ratio = finding.scale is Scale.RATIO
    values = {
        "effect": finding.effect,
        "low": finding.low,
        "high": finding.high,
        "published": published,
        "bar": finding.bar,
    }
    at = {
        name: log(value) if ratio else value for name, value in values.items() if value is not None
    }
    reach = 1.08 * max(_LEAST_REACH, *(abs(each) for each in at.values()))
    x = {name: round(_MIDDLE + _HALF * each / reach, 1) for name, each in at.items()}
    parts = [_line(_MIDDLE, 4, _MIDDLE, HEIGHT - 4, colors.axis, 1.5)]
    if abs(x["bar"] - _MIDDLE) > 1:
        parts.append(_line(x["bar"], 8, x["bar"], HEIGHT - 8, colors.muted, 1.5, dash="2 3"))
    if "low" in x and "high" in x:
        parts.append(_line(x["low"], 20, x["high"], 20, colors.ink, 2.5))
    parts.append(f'<circle cx="{x["effect"]}" cy="20" r="5.5" fill="{colors.ink}"/>')
    if "published" in x:
        parts.append(_diamond(x["published"], 20, colors))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>'
    )


def _line(
    x1: float, y1: float, x2: float, y2: float, color: str, width: float, dash: str = ""
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{color}" '
        f'stroke-width="{width}" stroke-linecap="round"{dashes}/>'
    )


def _diamond(x: float, y: float, colors: Palette) -> str:
    points = f"{x},{y - 8} {x + 8},{y} {x},{y + 8} {x - 8},{y}"
    return (
        f'<polygon points="{points}" fill="{colors.background}" '
        f'stroke="{colors.muted}" stroke-width="1.8"/>'
    )
