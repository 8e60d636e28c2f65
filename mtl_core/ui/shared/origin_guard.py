"""That every visit passes through `app.py`, the first after a start included."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from mtl_core.ui.shared.keys import Key


def through_the_front_door() -> None:
    """Begin anew in `app.py` where Streamlit ran a page's file by itself; call it first in a page.

    Until `app.py` has declared its pages once, Streamlit takes the folder `pages/` for the
    navigation: a visit to `/train` right after a start would show the page without its frame,
    and so for everybody until somebody opens `/`. Only a session's first run begins anew: a click
    would be lost.
    """
    if PagesManager.uses_pages_directory and Key.CHOICE not in st.session_state:
        PagesManager.uses_pages_directory = False
        st.rerun()
