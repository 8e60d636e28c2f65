"""Deleting what can be brought back for a while: the parts that runs and comparisons share."""

from collections.abc import Callable
from datetime import timedelta

import streamlit as st

from mtl_core.errors import BadInput
from mtl_core.store.record import UNDO
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain

UNDO_MINUTES = UNDO // timedelta(minutes=1)


def done(act: Callable[[], object]) -> bool:
    """Do it; False where it cannot be done, and why has been told."""
    try:
        act()
    except BadInput as problem:
        st.toast(plain(str(problem)))
        return False
    return True


def undo_bar(what: str, bring_back: Callable[[], object]) -> None:
    """One line for what was deleted last, `what` in Markdown, with the button that undoes it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"Deleted: {what}", width="content")
        undo_button(bring_back)
        st.caption(f"Forgotten for good {UNDO_MINUTES} minutes after", width="content")


def undo_button(bring_back: Callable[[], object]) -> None:
    """Undo, which is then no longer in the address, whatever comes of it."""
    st.button("Undo", key=Key.UNDO, icon=":material/undo:", on_click=_undo, args=(bring_back,))


def _undo(bring_back: Callable[[], object]) -> None:
    st.query_params.pop(Key.DELETED, None)
    bring_back()
