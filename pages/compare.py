"""Compare: plans side by side over their seeds: scores, costs, losses, what moved."""

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.ui.choice import current_choice
from mtl_core.ui.compare_chosen import compared_now
from mtl_core.ui.compare_view import compare_header, compare_page, nothing_to_compare
from mtl_core.ui.compared import comparable, compared_runs, write_runs
from mtl_core.ui.front_door import through_the_front_door
from mtl_core.ui.page import current_palette, show_ignored

through_the_front_door()
current_choice()
lab, colors = the_lab(), current_palette()
records = comparable(lab.store.runs())
chosen, notes = compared_runs(records)

if len(records) < 2:
    nothing_to_compare(colors, len(records))
    show_ignored(notes)
else:
    shown = compared_now(lab, chosen)
    compare_header(lab, shown, records)
    show_ignored(notes)
    write_runs(chosen)
    compare_page(lab, shown, colors)
    if len(chosen) < 2:
        st.caption("Two runs or more are needed to see in what they differ.")
