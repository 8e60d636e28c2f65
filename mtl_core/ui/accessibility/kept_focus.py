"""The keyboard focus stays on a widget that a rerun builds again, such as pills with new labels."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "freeze_lab_focus",
    html="<span></span>",
    js=Path(__file__).with_name("focus.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def follow_focus() -> None:
    """Start the script. Call it once, after the page is drawn."""
    _component(key="focus", height="content")
