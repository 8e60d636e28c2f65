"""Draws a finished Plotly figure with its text alternative. Growing figures are live charts."""

from typing import TYPE_CHECKING, Any

import streamlit as st

from mtl_core.charts.text_alternative import text_alternative
from mtl_core.charts.theme import Figure

if TYPE_CHECKING:
    import plotly.graph_objects as go


def chart(figure: "Figure | go.Figure", finding: str, key: str, **selection: Any) -> None:
    """Draw a figure without a mode bar. `selection` holds Streamlit's options for clicks.

    `finding` starts the text for screen readers, which continues with the values of the figure.
    """
    values = figure if isinstance(figure, dict) else figure.to_dict()
    st.plotly_chart(
        figure,
        key=key,
        theme=None,
        config={"displayModeBar": False},
        alt=text_alternative(finding, values),
        **selection,
    )
