"""What a first visitor reads: what this is, a finished comparison, and one of their own."""

from enum import Enum, auto

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.store.record import ComparisonRecord
from mtl_core.ui.compare.new_comparison import first_comparison
from mtl_core.ui.compare.selection import show_comparison
from mtl_core.ui.shared.keys import Key

_WHAT_IT_IS = (
    "**What should I freeze?** Freeze Lab compares the answers for one encoder that is fine-tuned "
    "for several tasks: what learns and what it costs, shown below before anything runs; then "
    "quality, time and forgetting, measured."
)
_IN_SHORT = (
    "**What should I freeze?** Freeze Lab compares the answers for one encoder and several tasks."
)


class Landing(Enum):
    """How much of it a visitor reads."""

    NOTHING = auto()
    A_LINE = auto()
    WHOLE = auto()


def is_first_visit(lab: Lab) -> bool:
    """Whether nobody has trained anything in this store; what came with the product aside."""
    return not lab.store.runs(limit=1)


def landing_for(lab: Lab) -> Landing:
    """All of it on the first visit; a line for whoever comes to a server that others have used,
    until they have seen a comparison or started anything."""
    if is_first_visit(lab):
        return Landing.WHOLE
    known = (Key.COMPARISON_SHOWN, Key.LAST_START, Key.LAST_COMPARISON)
    if any(key in st.session_state for key in known) or _shipped(lab) is None:
        return Landing.NOTHING
    return Landing.A_LINE


def landing(lab: Lab, colors: Palette, size: Landing) -> None:
    """What this is, a button to a comparison that came with the product, one to make another."""
    if size is Landing.WHOLE:
        _whole(lab, colors)
    elif size is Landing.A_LINE:
        _line(lab)


def _whole(lab: Lab, colors: Palette) -> None:
    with st.container(
        border=True,
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="small",
    ):
        st.markdown(_WHAT_IT_IS, width=760)
        with st.container(horizontal=True, gap="small", width="content"):
            _see_comparison(_shipped(lab))
            first_comparison(lab, colors, "Make your own")


def _line(lab: Lab) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":small[{_IN_SHORT}]", width="content")
        _see_comparison(_shipped(lab), in_line=True)


def _see_comparison(shipped: ComparisonRecord | None, in_line: bool = False) -> None:
    if shipped is not None and st.button(
        "See a finished comparison",
        key=Key.SEE_COMPARISON,
        icon=":material/bar_chart:",
        help="It came with Freeze Lab: nothing has to run.",
        type="tertiary" if in_line else "secondary",
    ):
        show_comparison(shipped.id)  # else the one seen before wins
        st.switch_page("pages/compare.py", query_params={str(Key.COMPARISON): shipped.id})


def _shipped(lab: Lab) -> ComparisonRecord | None:
    """The first comparison that came with the product."""
    return next(iter(lab.store.comparisons(limit=1, shipped=True)), None)
