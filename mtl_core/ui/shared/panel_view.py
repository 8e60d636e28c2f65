"""Draw a panel of a report on a page: title in the task's color, caption and figure."""

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.report.panel import Panel
from mtl_core.ui.shared.live_chart import live_chart
from mtl_core.ui.shared.page import hue, plain


def panel_view(panel: Panel, facts: str, colors: Palette, key: str) -> None:
    """Draw `panel` in the palette of the page. A saved picture shows `facts` below the figure."""
    lead = f":{hue(panel.task or 0)}[{plain(panel.lead)}] " if panel.lead else ""
    with st.container(gap=None):
        st.markdown(f"## {lead}{plain(panel.title)}")
        st.caption(plain(panel.caption))
    live_chart(
        panel.draw(colors),
        title=panel.full_title,
        facts=facts,
        filename=f"compare-{panel.name}",
        colors=colors,
        key=key,
    )
