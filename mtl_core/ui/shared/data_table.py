"""Draws tables whose text is safe in a spreadsheet.

Every table of Streamlit can be downloaded as CSV, and a spreadsheet runs some text as a formula.
Names, tags, labels and sentences come from visitors, so all tables are drawn here.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from mtl_core.text import spreadsheet_text


def data_table(rows: pd.DataFrame | Styler | Sequence[dict[str, Any]], **options: Any) -> None:
    """Draw rows as `st.dataframe` does, with text that no spreadsheet runs as a formula."""
    if isinstance(rows, Styler):
        rows.data = _safe(rows.data)  # type: ignore[attr-defined] # the stubs lack it
        st.dataframe(rows, **options)
    else:
        st.dataframe(_safe(pd.DataFrame(rows)), **options)


def _safe(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.map(_safe_cell) if len(frame.columns) else frame


def _safe_cell(cell: Any) -> Any:
    if isinstance(cell, list):
        return [_safe_cell(each) for each in cell]
    return spreadsheet_text(cell, quoted=True) if isinstance(cell, str) else cell
