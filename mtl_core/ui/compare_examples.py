"""Quality against the number of training sentences, where plans were run with several numbers."""

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.export.compared import Compared
from mtl_core.export.examples import example_panels
from mtl_core.ui.panel_view import panel_view


def by_examples(shown: Compared, facts: str, colors: Palette) -> None:
    """A figure for each task; nothing where every plan was run with one number of sentences."""
    panels = example_panels(shown)
    if not panels:
        return
    with st.grid(min(2, len(panels)), min_column_width=330, gap="medium"):
        for panel in panels:
            with st.container(gap="xsmall"):
                panel_view(panel, facts, colors, f"compare_{panel.name}")
