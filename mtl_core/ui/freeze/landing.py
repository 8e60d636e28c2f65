"""The introduction for first-time visitors: Play, a finished comparison, and one's own."""

from enum import Enum, auto

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.store.record import ListedComparison
from mtl_core.ui.compare.new_comparison import first_comparison
from mtl_core.ui.compare.selection import show_comparison
from mtl_core.ui.play.view import play_button
from mtl_core.ui.shared.keys import Key

_INTRODUCTION = (
    "**Which layers should I freeze?** Freeze Lab compares freezing strategies for one encoder "
    "and several tasks: their cost before training, and what training shows of quality, time and "
    "forgetting. Play trains two plans on 120 sentences, in about 20 seconds on two idle cores."
)
_SHORT_INTRODUCTION = (
    "**Which layers should I freeze?** Freeze Lab compares freezing strategies for one encoder "
    "and several tasks."
)


class Landing(Enum):
    """The size of the introduction."""

    NONE = auto()
    LINE = auto()
    FULL = auto()


def is_first_visit(lab: Lab) -> bool:
    """Whether the store has no runs, apart from the shipped ones."""
    return not lab.store.has_runs()


def landing_for(lab: Lab) -> Landing:
    """Select the size of the introduction.

    FULL if the store has no runs. Otherwise LINE until the visitor has seen a comparison or
    started a run.
    """
    if is_first_visit(lab):
        return Landing.FULL
    known = (Key.COMPARISON_SHOWN, Key.LAST_START, Key.LAST_COMPARISON)
    if any(key in st.session_state for key in known) or _shipped(lab) is None:
        return Landing.NONE
    return Landing.LINE


def landing(lab: Lab, colors: Palette, size: Landing) -> None:
    """Draw the introduction with Play, a shipped comparison and, if full, a button to make one.

    The trainer is started in advance, once per session, because Play is meant to be clicked.
    """
    if size is Landing.NONE:
        return
    if not st.session_state.get(Key.WARMED_UP):
        st.session_state[Key.WARMED_UP] = True
        lab.warm_up()
    if size is Landing.FULL:
        _full(lab, colors)
    else:
        _line(lab, colors)


def _full(lab: Lab, colors: Palette) -> None:
    with st.container(
        border=True,
        horizontal=True,
        horizontal_alignment="distribute",
        vertical_alignment="center",
        gap="small",
    ):
        st.markdown(_INTRODUCTION, width=500)
        with st.container(horizontal=True, gap="small", width="content"):
            play_button(lab, colors)
            _see_comparison(_shipped(lab))
            first_comparison(lab, colors, "Start your own")


def _line(lab: Lab, colors: Palette) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":small[{_SHORT_INTRODUCTION}]", width="content")
        play_button(lab, colors, in_line=True)
        _see_comparison(_shipped(lab), in_line=True)


def _see_comparison(shipped: ListedComparison | None, in_line: bool = False) -> None:
    if shipped is not None and st.button(
        "See a finished comparison",
        key=Key.SEE_COMPARISON,
        icon=":material/bar_chart:",
        help="This comparison is included in Freeze Lab. No training is needed.",
        type="tertiary" if in_line else "secondary",
    ):
        show_comparison(shipped.id)  # otherwise Compare shows the last one seen
        st.switch_page("pages/compare.py", query_params={str(Key.COMPARISON): shipped.id})


def _shipped(lab: Lab) -> ListedComparison | None:
    """The first shipped comparison; None if there is none."""
    return next(iter(lab.store.listed_comparisons(limit=1, shipped=True)), None)
