"""What a first visitor of the Freeze page reads: what this is, and two ways on."""

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.ui.keys import Key

_WHAT_IT_IS = (
    "Freeze Lab compares what to freeze when one encoder is fine-tuned for several tasks: see what "
    "learns and what it costs before anything runs, then train plans and compare them."
)


def is_first_visit(lab: Lab) -> bool:
    """Whether nobody has trained anything in this store; what came with the product aside."""
    return not lab.store.runs(limit=1)


def landing(lab: Lab) -> None:
    """One sentence, a button to a comparison that came with the product, one to the first run."""
    shipped = lab.store.comparisons(limit=1, shipped=True)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"
    ):
        st.markdown(f":small[{_WHAT_IT_IS}]", width=800)
        with st.container(horizontal=True, gap="small", width="content"):
            if shipped and st.button(
                "See a finished comparison", key=Key.SEE_COMPARISON, icon=":material/bar_chart:"
            ):
                st.session_state.pop(Key.COMPARISON_SHOWN, None)  # else the one seen before wins
                query = {str(Key.COMPARISON): shipped[0].id}
                st.switch_page("pages/compare.py", query_params=query)
            if st.button("Make your own", key=Key.MAKE_OWN, icon=":material/add:"):
                st.switch_page("pages/train.py")
