"""A visible focus that follows what opens and what is built again, a page that keeps still, and
charts that can be tapped.

Streamlit marks some focused elements only by a background of low contrast. It leaves the focus on
the button of an opened popover, and the focus is lost if a rerun builds the focused widget again.
"""

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent

_component = st.components.v2.component(
    "freeze_lab_whole_page",
    html="<span></span>",
    js=_FOLDER.joinpath("whole_page.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def style_page() -> None:
    """Add the styles of focus and of reduced motion. They take no space on the page."""
    st.html(_FOLDER / "whole_page.css")


def start_page_script() -> None:
    """Start the script. Call it once, after the page is drawn."""
    _component(key="whole_page", height="content")
