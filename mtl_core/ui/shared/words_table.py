"""A table of words and numbers with a plan to each row, in the Compare page's manner."""

from collections.abc import Collection, Sequence

import pandas as pd
import streamlit as st

_ROW_HEIGHT = 35


def words_table(
    rows: Sequence[dict[str, str]], key: str, alt: str, left: Collection[str] = ()
) -> None:
    """Rows by column name, the plan first and in bold; columns besides it and those in `left` are
    aligned right, as numbers are. What a row lacks stays empty."""
    table = pd.DataFrame(rows).fillna("")
    st.dataframe(
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
