"""A Plotly figure that is updated in place and keeps the reader's zoom.

`st.plotly_chart` is remounted whenever its data changes, so a figure that grows every two seconds
loses zoom and hover each time. This component passes new data to `Plotly.react` instead.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from mtl_core.charts.text_alternative import text_alternative
from mtl_core.charts.theme import Palette
from mtl_core.ui.shared.plotly_library import library_address

_HTML = "<div class='freeze-lab-plot'></div>"

_JS = Path(__file__).with_name("live_chart.js").read_text(encoding="utf-8")

_component = st.components.v2.component("freeze_lab_plot", html=_HTML, js=_JS, isolate_styles=False)


def live_chart(
    figure: dict[str, Any], *, title: str, facts: str, filename: str, colors: Palette, key: str
) -> None:
    """Draw or update a figure given as `{"data": …, "layout": …}`; its layout sets the height.

    The zoom is kept while the layout's "uirevision" stays the same; a double click resets it.
    `title` starts the text for screen readers, which continues with the values of the figure. A
    saved SVG or PNG shows `title` with `facts` underneath.
    """
    _component(
        data={
            "figure": figure,
            "alt": text_alternative(title, figure),
            "title": _as_text(title),
            "facts": _as_text(facts),
            "filename": filename,
            "background": colors.background,
            "ink": colors.ink,
            "muted": colors.muted,
            "source": library_address(),
        },
        key=key,
        height=figure["layout"]["height"],
        on_theme_change=_rerun,
    )


def _rerun() -> None:
    """Does nothing. The rerun after the callback draws the page in the new theme."""


def _as_text(text: str) -> str:
    """Escape the characters that Plotly would parse as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
