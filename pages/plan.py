"""Your own plan: freeze and unfreeze blocks phase by phase, and see the matches of each rule."""

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.ui.freeze.overview import headline, page_facts
from mtl_core.ui.freeze.table_view import parameter_view
from mtl_core.ui.plan.edits import show_problem
from mtl_core.ui.plan.fields import phase_fields, phase_row, plan_fields
from mtl_core.ui.plan.files import export_popover, plan_text, starting_point
from mtl_core.ui.plan.rules import rule_lists, try_a_rule
from mtl_core.ui.plan.stack import plan_picture, plan_stack
from mtl_core.ui.shared.choice import ignored_notes, write_address
from mtl_core.ui.shared.page import (
    current_palette,
    header,
    require_app_entry,
    show_ignored,
    to_train_button,
    wide_columns,
)
from mtl_core.ui.shared.resolved_choice import resolve_choice
from mtl_core.ui.shared.shot import frame, taking_shot

require_app_entry()
chosen, colors = resolve_choice(the_lab()), current_palette()

if taking_shot():
    with frame():
        plan_picture(chosen, colors)
    st.stop()
with header(headline(chosen.tables), page_facts(chosen), buttons=2):
    export_popover(chosen)
    to_train_button(chosen.choice.as_query(), colors)
show_ignored(ignored_notes())

starting_point(chosen)
phase_row(chosen)
show_problem("")

left, right = wide_columns("plan", [5, 8])
with left:
    plan_stack(chosen, colors)
with right:
    phase_fields(chosen)
    rule_lists(chosen)
    try_a_rule(chosen)
    plan_fields(chosen)

table, text = wide_columns("text", [8, 5])
with table:
    parameter_view(chosen.table, chosen.plan_phrase, colors, rows_high=9)
with text:
    plan_text(chosen)
write_address(chosen.choice)
