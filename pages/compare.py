"""Compare: several runs side by side, their scores, costs, losses and plans."""

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.ui.choice import current_choice
from mtl_core.ui.compare_losses import loss_overlay
from mtl_core.ui.compare_plans import differences_view, plans_side_by_side
from mtl_core.ui.compare_view import (
    compare_header,
    comparison_of,
    comparison_table,
    nothing_to_compare,
)
from mtl_core.ui.compared import comparable, compared_runs, write_runs
from mtl_core.ui.front_door import through_the_front_door
from mtl_core.ui.page import current_palette, show_ignored

through_the_front_door()
current_choice()
lab, colors = the_lab(), current_palette()
records = comparable(lab.store.runs())
compared, notes = compared_runs(records)

if len(records) < 2:
    nothing_to_compare(colors, len(records))
    show_ignored(notes)
else:
    comparison = comparison_of(lab, compared)
    compare_header(lab, comparison, compared, records)
    show_ignored(notes)
    write_runs(compared)
    if compared:
        comparison_table(comparison, compared, colors)
        loss_overlay(comparison, colors)
    if len(compared) > 1:
        differences_view(comparison)
        plans_side_by_side(lab, comparison, colors)
    else:
        st.caption("Two runs or more are needed to see in what they differ.")
