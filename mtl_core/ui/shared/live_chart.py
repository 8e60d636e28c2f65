"""A Plotly figure that is updated in place: the same node, the reader's zoom kept.

Streamlit's own chart is mounted anew whenever its data changes, so a figure that grows every two
seconds loses zoom and hover each time. This one hands new data to `Plotly.react`. The library is
the one inside the plotly package, which the app serves itself from `static/`.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import plotly
import streamlit as st

from mtl_core.charts.theme import Palette

STATIC_FOLDER = Path(__file__).parents[3] / "static"
LIBRARY = "plotly.min.js"

_HTML = "<div class='freeze-lab-plot'></div>"

_JS = Path(__file__).with_name("live_chart.js").read_text(encoding="utf-8")

_component = st.components.v2.component("freeze_lab_plot", html=_HTML, js=_JS, isolate_styles=False)


def live_chart(
    figure: dict[str, Any], *, title: str, facts: str, filename: str, colors: Palette, key: str
) -> None:
    """Draw or update a figure given as `{"data": …, "layout": …}` with a height in its layout.

    A zoom lasts while the layout's "uirevision" stays the same; a double click ends it. `title`
    is what a screen reader says; it stands in the SVG that can be saved, with `facts` under it.
    """
    if not publish_library():
        st.plotly_chart(figure, key=key, theme=None, config={"displayModeBar": False})
        return
    base = st.get_option("server.baseUrlPath").strip("/")
    _component(
        data={
            "figure": figure,
            "title": _as_text(title),
            "facts": _as_text(facts),
            "filename": filename,
            "background": colors.background,
            "ink": colors.ink,
            "muted": colors.muted,
            "source": f"{f'/{base}' if base else ''}/app/static/{LIBRARY}?{plotly.__version__}",
        },
        key=key,
        height=figure["layout"]["height"],
        on_theme_change=_run_again,
    )


def _run_again() -> None:
    """The run that follows draws the page anew in the theme that is shown now."""


def _as_text(text: str) -> str:
    """`text` without the signs that Plotly would read as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def publish_library(folder: Path = STATIC_FOLDER) -> bool:
    """Put plotly's JavaScript where the app serves files from, if it is not there yet.

    False where that folder cannot be written to: a read-only installation has to call this once
    while it can, or live figures fall back to Streamlit's own, which lose their zoom.
    """
    source = Path(plotly.__file__).parent / "package_data" / LIBRARY
    target = folder / LIBRARY
    try:
        if target.is_file() and target.stat().st_size == source.stat().st_size:
            return True
        folder.mkdir(exist_ok=True)
        copy = folder / f"{LIBRARY}.{os.getpid()}"
        shutil.copyfile(source, copy)
        copy.replace(target)  # in one step: whoever reads meanwhile gets a whole file
    except OSError:
        return False
    return True
