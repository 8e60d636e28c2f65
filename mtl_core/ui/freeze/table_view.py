"""The parameter table of the pages, with filters, in the order of the layer diagram."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from mtl_core.charts.theme import Palette
from mtl_core.freezing.table import ROLES_TOP_DOWN, ParameterTable, Row, State
from mtl_core.freezing.table_text import SIGNS, marked_rate, no_effect_notes, shape_text
from mtl_core.ui.shared.data_table import data_table
from mtl_core.ui.shared.keys import Key

if TYPE_CHECKING:
    from pandas import DataFrame
    from pandas.io.formats.style import Styler

_ALL = "all"
_ROW_HEIGHT = 29
_HEADER_HEIGHT = 36


def parameter_view(
    table: ParameterTable,
    plan_phrase: str,
    colors: Palette,
    rows_high: int,
    *,
    with_filters: bool = True,
) -> None:
    """Draw filters, the table with a height of `rows_high` rows, and a caption with the plan."""
    rows = in_diagram_order(table)
    shown = _filtered(table, rows) if with_filters else rows
    drawn = hash((shown, colors.name, rows_high, plan_phrase))
    _draw(f"{drawn:x}", shown, colors, rows_high, plan_phrase)
    st.caption(_caption(table, plan_phrase, shown))


@st.cache_data(max_entries=64, show_spinner=False)  # 0.2 MB each for the largest models
def _draw(
    drawn: str, _shown: Sequence[Row], _colors: Palette, _rows_high: int, _plan_phrase: str
) -> None:
    """Draw the table; visitors with the same rows share the message to the browser."""
    del drawn  # only the key of the cache
    data_table(
        _styled(_frame(_shown), _colors),
        key=Key.PARAMETERS,
        hide_index=True,
        height=_HEADER_HEIGHT + _rows_high * _ROW_HEIGHT,
        row_height=_ROW_HEIGHT,
        placeholder="",
        column_config=_columns(_shown),
        alt=f"Parameters under {_plan_phrase}, tensor by tensor",
    )


def _filtered(table: ParameterTable, rows: Sequence[Row]) -> tuple[Row, ...]:
    """Draw the filters and return the rows that match them."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Parameters**", width="content")
        text = st.text_input(
            "Find a name",
            key=Key.TEXT_FILTER,
            placeholder="Find a name",
            label_visibility="collapsed",
            live="300ms",
        )
        group = _group_filter(rows)
        state = _state_filter(table)
    return matching(rows, state, group, text or "")


def in_diagram_order(table: ParameterTable) -> tuple[Row, ...]:
    """Sort the rows as in the layer diagram; rows of one group keep the model's order.

    Order: heads, pooler, layers from the top down, tensors outside the layers, embeddings.
    """
    layers = max((row.layer for row in table.rows if row.layer is not None), default=0)
    return tuple(
        sorted(
            table.rows,
            key=lambda row: (
                ROLES_TOP_DOWN.index(row.role),
                layers - row.layer if row.layer is not None else 0,
            ),
        )
    )


def matching(
    rows: Sequence[Row], state: str = _ALL, group: str | None = None, text: str = ""
) -> tuple[Row, ...]:
    """Filter rows by state, group and `text` in the name, ignoring case."""
    part = text.strip().casefold()
    return tuple(
        row
        for row in rows
        if (state == _ALL or row.state == state)
        and (group is None or row.group == group)
        and part in row.name.casefold()
    )


def _state_filter(table: ParameterTable) -> str:
    labels = {_ALL: f"all {sum(table.tensors.values())}"}
    labels |= {str(state): f"{SIGNS[state]} {count}" for state, count in table.tensors.items()}
    st.session_state.setdefault(Key.STATE_FILTER, _ALL)
    selected = st.segmented_control(
        "State",
        list(labels),
        key=Key.STATE_FILTER,
        format_func=lambda name: labels.get(name, name),
        required=True,
        label_visibility="collapsed",
        wrap=False,
    )
    return selected if selected in labels else _ALL


def _group_filter(rows: Sequence[Row]) -> str | None:
    groups = list(dict.fromkeys(row.group for row in rows))
    if st.session_state.get(Key.GROUP_FILTER) not in groups:
        st.session_state[Key.GROUP_FILTER] = None
    selected = st.selectbox(
        "Part",
        groups,
        index=None,
        key=Key.GROUP_FILTER,
        placeholder="all parts",
        label_visibility="collapsed",
        width=150,
    )
    return selected if selected in groups else None


def _frame(rows: Sequence[Row]) -> "DataFrame":
    import pandas as pd

    columns = {
        "State": [f"{SIGNS[row.state]} {row.state}" for row in rows],
        "Parameter": [row.name for row in rows],
        "Shape": [shape_text(row.shape) for row in rows],
        "Count": [row.count for row in rows],
        "Part": [row.group for row in rows],
        "Rate": [marked_rate(row) for row in rows],
    }
    if any(row.tied_to for row in rows):
        columns["Tied to"] = [row.tied_to or "" for row in rows]
    return pd.DataFrame(columns)


def _styled(frame: "DataFrame", colors: Palette) -> "Styler":
    """Color the states, set trainable rows in bold and add thousands separators."""
    looks = {
        f"{SIGNS[state]} {state}": f"color: {colors.states[state].text}"
        + ("; font-weight: 650" if state is State.TRAINABLE else "")
        for state in State
    }
    return frame.style.map(lambda value: looks.get(value, ""), subset=["State"]).format(
        "{:,}", subset=["Count"]
    )


def _columns(rows: Sequence[Row]) -> dict[str, ColumnConfig]:
    column = st.column_config
    columns = {
        "State": column.TextColumn(width=98),
        "Parameter": column.TextColumn(width=322),
        "Shape": column.TextColumn(width=98, alignment="right"),
        "Count": column.NumberColumn(width=92),
        "Part": column.TextColumn(width=92),
        "Rate": column.TextColumn(
            width=84 if any(row.no_effective_update for row in rows) else 64, alignment="right"
        ),
    }
    if any(row.tied_to for row in rows):
        columns["Tied to"] = column.TextColumn(help="The same tensor under another name.")
    return columns


def _caption(table: ParameterTable, plan_phrase: str, shown: Sequence[Row]) -> str:
    unique = sum(table.tensors.values())
    filtered = f"{len(shown)} of {len(table.rows)} names" if len(shown) < len(table.rows) else ""
    parts = [plan_phrase, filtered or f"{unique} tensors in the order of the diagram"]
    if any(row.state is State.UNREACHED for row in shown):
        parts.append("○ unreached: selected for training, but no loss depends on it")
    if any(row.tied_to for row in shown):
        parts.append("a tied name shares its tensor with another name and counts 0")
    if any(row.no_effective_update for row in shown):
        parts += no_effect_notes(table)
    return " · ".join(parts)
