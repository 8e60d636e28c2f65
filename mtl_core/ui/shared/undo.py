"""Delete with undo, shared by runs and comparisons."""

from collections.abc import Callable
from datetime import timedelta

import streamlit as st

from mtl_core.errors import FreezeLabError
from mtl_core.store.record import UNDO
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain

UNDO_MINUTES = UNDO // timedelta(minutes=1)


def try_action(action: Callable[[], object]) -> bool:
    """Run `action`. If it raises FreezeLabError, show the message as a toast and return False."""
    try:
        action()
    except FreezeLabError as problem:
        st.toast(plain(str(problem)))
        return False
    return True


def undo_bar(name: str, restore: Callable[[], object]) -> None:
    """Draw a line with the name of the deleted item (Markdown) and an Undo button."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"Deleted: {name}", width="content")
        undo_button(restore)
        st.caption(f"Deleted permanently after {UNDO_MINUTES} minutes", width="content")


def undo_button(restore: Callable[[], object]) -> None:
    """Draw an Undo button. A click also removes the item from the address."""
    st.button("Undo", key=Key.UNDO, icon=":material/undo:", on_click=_undo, args=(restore,))


def _undo(restore: Callable[[], object]) -> None:
    st.query_params.pop(Key.DELETED, None)
    restore()
