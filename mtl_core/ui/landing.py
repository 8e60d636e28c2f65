"""What a first visitor reads: what this is, a finished comparison, and one of their own."""

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.ui.compare_new import first_comparison
from mtl_core.ui.compared import show_comparison
from mtl_core.ui.keys import Key

_WHAT_IT_IS = (
    "**What should I freeze?** Freeze Lab compares the answers for one encoder that is fine-tuned "
    "for several tasks: what learns and what it costs, shown below before anything runs; then "
    "quality, time and forgetting, measured."
)


def is_first_visit(lab: Lab) -> bool:
    """Whether nobody has trained anything in this store; what came with the product aside."""
    return not lab.store.runs(limit=1)


def landing(lab: Lab, colors: Palette) -> None:
    """What this is, a button to a comparison that came with the product, one to make another."""
    shipped = lab.store.comparisons(limit=1, shipped=True)
    with st.container(
        border=True,
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="small",
    ):
        st.markdown(_WHAT_IT_IS, width=760)
        with st.container(horizontal=True, gap="small", width="content"):
            if shipped and st.button(
                "See a finished comparison",
                key=Key.SEE_COMPARISON,
                icon=":material/bar_chart:",
                help="It came with Freeze Lab: nothing has to run.",
            ):
                show_comparison(shipped[0].id)  # else the one seen before wins
                query = {str(Key.COMPARISON): shipped[0].id}
                st.switch_page("pages/compare.py", query_params=query)
            first_comparison(lab, colors, "Make your own")
