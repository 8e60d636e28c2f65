"""The Compare page: scores, costs, losses and changes of plans over their seeds."""

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.ui.compare.compare_view import compare_header, compare_page, nothing_to_compare
from mtl_core.ui.compare.compared_now import report_now
from mtl_core.ui.compare.naming import undo_line
from mtl_core.ui.compare.selection import (
    chosen_comparison,
    comparable,
    compared_runs,
    write_comparison,
    write_runs,
)
from mtl_core.ui.shared.arms import read_arms, write_arms
from mtl_core.ui.shared.choice import current_choice, ignored_notes
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import current_palette, require_app_entry, show_ignored
from mtl_core.ui.shared.shot import frame, taking_shot

require_app_entry()
choice = current_choice()
lab, colors = the_lab(), current_palette()
comparison, notes = chosen_comparison(lab)
notes = [*ignored_notes(), *notes, *read_arms()]
records = comparable(lab)
chosen, ignored = compared_runs(records)

if not taking_shot():
    undo_line(lab)
if comparison is None and len(records) < 2:
    nothing_to_compare(lab, choice, colors, len(records))
    show_ignored([*notes, *ignored])
else:
    runs = comparison.runs if comparison else chosen
    report = report_now(lab, runs, comparison, st.session_state.get(Key.REFERENCE))
    with frame():
        compare_header(lab, choice, report, comparison, records)
        show_ignored([*notes, *([] if comparison else ignored)])
        if comparison:
            write_comparison(comparison)
        else:
            write_runs(chosen)
        compare_page(lab, report, colors)
        if len(report.runs) < 2:
            st.caption("Choose two runs or more to compare them.")
write_arms()
