"""A table of text and numbers with one plan per row, in the style of the Compare page."""

from collections.abc import Collection, Sequence

import pandas as pd
import streamlit as st

from mtl_core.ui.shared.data_table import data_table

_ROW_HEIGHT = 35


def words_table(
    rows: Sequence[dict[str, str]], key: str, alt: str, left: Collection[str] = ()
) -> None:
    """Draw `rows`, each a dict by column name. Missing values are left empty.

    The column "Plan" is bold and aligned left, as are the columns in `left`; all others are
    aligned right, as numbers are.
    """
    table = pd.DataFrame(rows).fillna("")
    data_table(
        table.style.map(lambda _: "font-weight: 600", subset=["Plan"]),
        key=key,
        hide_index=True,
        height="content",
        row_height=_ROW_HEIGHT,
        placeholder="",
        alt=alt,
        column_config={
            name: st.column_config.TextColumn(
                name, alignment="left" if name == "Plan" or name in left else "right"
            )
            for name in table.columns
        },
    )
