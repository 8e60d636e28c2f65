"""Freezes or trains the selected block in place; the scenario becomes the visitor's own plan."""

import streamlit as st

from mtl_core.freezing.editing import Coverage, block_states
from mtl_core.freezing.titles import block_title
from mtl_core.ui.plan.edits import toggle
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice


def edit_block_button(chosen: ResolvedChoice) -> None:
    """Draw the button for the block whose tensors are shown, or how to select one."""
    group = st.session_state.get(Key.GROUP_FILTER)
    states = block_states(chosen.plan, chosen.choice.phase, chosen.model) if group else ()
    state = next((each for each in states if group in each.block.groups), None)
    if state is None:
        st.caption("Click a block to freeze or train it.", width="content")
        return
    name = plain(block_title(state.block, chosen.model))
    if state.frozen_by:
        st.page_link(
            "pages/plan.py", label=f"A rule freezes {name}: edit it", icon=":material/lock:"
        )
        return
    frozen = state.coverage is not Coverage.FULL
    st.button(
        f"Train {name}" if frozen else f"Freeze {name}",
        key=Key.EDIT_BLOCK,
        icon=":material/lock_open:" if frozen else ":material/lock:",
        type="tertiary",
        on_click=toggle,
        args=(chosen, group),
        help="The scenario becomes a plan of your own. Undo is on the page “Your own plan”.",
    )
