"""Draws a section of a report that has no interactive view of its own."""

import pandas as pd
import streamlit as st

from mtl_core.charts.theme import LIGHT, Palette
from mtl_core.report.blocks import Block, Code, Figures, Table, Text
from mtl_core.report.load import Report
from mtl_core.report.panel import Drawing
from mtl_core.report.sections import Topic
from mtl_core.ui.shared.data_table import data_table
from mtl_core.ui.shared.live_chart import live_chart
from mtl_core.ui.shared.page import plain

_ROW_HEIGHT = 35


def section_view(topic: Topic, report: Report, facts: str, colors: Palette) -> None:
    """Draws the topic's title and blocks; nothing if it has no content."""
    blocks = tuple(topic.blocks(report))
    if not blocks:
        return
    st.markdown(f"## {plain(topic.title)}")
    for number, block in enumerate(blocks):
        _draw(block, f"section_{topic.name}_{number}", topic.title, facts, colors)


def _draw(block: Block, key: str, title: str, facts: str, colors: Palette) -> None:
    match block:
        case Text(text):
            st.caption(plain(text))
        case Code(text, language):
            st.code(text, language=language)
        case Table():
            _table(block, key, title)
        case Figures(drawings):
            for drawing in drawings:
                _figure(drawing, key, facts, colors)


def _table(table: Table, key: str, alt: str) -> None:
    data_table(
        pd.DataFrame(table.rows, columns=pd.Index(table.columns)),
        key=key,
        alt=alt,
        hide_index=True,
        height="content",
        row_height=_ROW_HEIGHT,
        column_config={
            name: st.column_config.TextColumn(
                name, alignment="right" if name in table.right else "left"
            )
            for name in table.columns
        },
    )


def _figure(drawing: Drawing, key: str, facts: str, colors: Palette) -> None:
    title = f"{drawing.lead} {drawing.title}".strip()
    st.markdown(f"**{plain(title)}**")
    st.caption(plain(drawing.caption))
    live_chart(
        drawing.light if colors is LIGHT else drawing.dark,
        title=title,
        facts=facts,
        filename=f"compare-{drawing.name}",
        colors=colors,
        key=f"{key}_{drawing.name}",
    )
