"""Freezes or trains a block in place; the scenario becomes the visitor's own plan."""

from typing import TYPE_CHECKING

import streamlit as st

from mtl_core.charts.theme import Figure
from mtl_core.freezing.editing import BlockState, Coverage, block_states
from mtl_core.freezing.titles import block_title
from mtl_core.ui.plan.edits import show_problem, toggle, undo_if_edited
from mtl_core.ui.shared.chart import chart
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

if TYPE_CHECKING:
    import plotly.graph_objects as go


def clickable_diagram(chosen: ResolvedChoice, figure: "Figure | go.Figure", finding: str) -> None:
    """Draw the layer diagram. A click on a block freezes it, or trains it if it is frozen.

    The diagram gets a new key after each click. A chart keeps its selection, so the same block
    could not be clicked twice otherwise.
    """
    key = f"{Key.STACK}_{st.session_state.setdefault(Key.STACK_CLICKS, 0)}"
    chart(
        figure,
        finding,
        key,
        on_select=lambda: _clicked(chosen, key),
        selection_mode="points",
    )


def _clicked(chosen: ResolvedChoice, key: str) -> None:
    points = st.session_state[key].selection.points
    st.session_state[Key.STACK_CLICKS] += 1
    if points:
        toggle(chosen, points[0]["customdata"][0])


def edit_block_buttons(chosen: ResolvedChoice) -> None:
    """Draw how to edit the plan in place, the button of the block in the table, and Undo.

    The button is for keyboards; its block is selected by the table's filter.
    """
    locked = _block(chosen, Key.FROZEN_BLOCK)
    state = _block(chosen, Key.GROUP_FILTER)
    if locked is not None and locked.frozen_by:
        _link_to_rule(locked, chosen)
    elif state is None:
        st.caption("Click or tap a block to freeze or train it.", width="content")
    elif state.frozen_by:
        _link_to_rule(state, chosen)
    else:
        _button(state, chosen)
    undo_if_edited(chosen.choice)
    show_problem("")


def _block(chosen: ResolvedChoice, key: Key) -> BlockState | None:
    group = st.session_state.get(key)
    states = block_states(chosen.plan, chosen.choice.phase, chosen.model) if group else ()
    return next((each for each in states if group in each.block.groups), None)


def _link_to_rule(state: BlockState, chosen: ResolvedChoice) -> None:
    name = plain(block_title(state.block, chosen.model))
    label = f"A rule freezes {name}: edit it"
    st.page_link("pages/plan.py", label=label, icon=":material/lock:")


def _button(state: BlockState, chosen: ResolvedChoice) -> None:
    name = plain(block_title(state.block, chosen.model))
    frozen = state.coverage is not Coverage.FULL
    st.button(
        f"Train {name}" if frozen else f"Freeze {name}",
        key=Key.EDIT_BLOCK,
        icon=":material/lock_open:" if frozen else ":material/lock:",
        type="tertiary",
        on_click=toggle,
        args=(chosen, st.session_state[Key.GROUP_FILTER]),
        help="The scenario becomes a plan of your own.",
    )
