"""Starting a run from the page: once, also where somebody clicks twice."""

from time import monotonic

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain

_DOUBLE_CLICK_SECONDS = 2.0


def start_once(lab: Lab, spec: RunSpec) -> None:
    """Start the run once and show it; a second click of a double click only shows it."""
    last, when, run = st.session_state.get(Key.LAST_START, (None, 0.0, ""))
    if last != spec or monotonic() - when > _DOUBLE_CLICK_SECONDS:
        try:
            run = lab.start(spec).id
        except BadInput as problem:
            st.error(plain(str(problem)))
            return
        st.session_state[Key.LAST_START] = (spec, monotonic(), run)
    st.query_params[Key.RUN] = run
    st.rerun()
