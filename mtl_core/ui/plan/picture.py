"""A plan of one's own as a picture for a document: the stack, the numbers, the plan as text."""

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.ui.freeze.picture import facts, line_of_facts, stack_picture
from mtl_core.ui.freeze.table_view import parameter_view
from mtl_core.ui.plan.stack import plan_headline
from mtl_core.ui.shared.page import header
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

_ROWS = 3  # with a plan of a dozen lines the picture is one screen high


def plan_picture(chosen: ResolvedChoice, colors: Palette) -> None:
    """The phase shown as it stands, and beside it the whole plan: with it, anyone can train the
    same."""
    header(plan_headline(chosen.tables), line_of_facts(chosen), buttons=1)
    left, right = st.columns([5, 8], gap="medium")
    with left:
        stack_picture(chosen, colors)
    with right:
        facts(chosen, colors)
        st.code(plan_to_yaml(chosen.plan), language=None)
    parameter_view(chosen.table, chosen.plan_phrase, colors, _ROWS, with_filters=False)
