"""Renders an SVG figure as PNG, without a browser.

resvg draws the SVG; the font is Source Sans Pro from a package, so a machine needs no fonts of its
own. Letters that it lacks are taken from the fonts of the machine.
"""

from functools import cache
from pathlib import Path

import font_source_sans_pro
import resvg_py

ZOOM = 2
"""PNG pixels per SVG pixel, for sharp text on dense screens and in print."""

_FONT = "Source Sans Pro"
_LACKING = str.maketrans({"❄": "*", "●": "•", "○": "o", "\N{VARIATION SELECTOR-15}": None})
"""Signs that the font lacks, with their replacements; letters and colors repeat what they mean."""


def png_of(svg: str) -> bytes:
    """The figure as PNG, at `ZOOM` times its size."""
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg.translate(_LACKING),
            zoom=ZOOM,
            font_files=_font_files(),
            font_family=_FONT,
            sans_serif_family=_FONT,
        )
    )


@cache
def _font_files() -> list[str]:
    folder = Path(font_source_sans_pro.__file__).parent / "files"
    return [str(folder / f"SourceSansPro-{name}.ttf") for name in ("Regular", "Semibold", "Bold")]
