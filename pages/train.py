"""Train: start, watch and stop runs, and open earlier ones."""

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.errors import UnknownRun
from mtl_core.ui.shared.choice import ignored_notes, write_address
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import one_of_two_places, require_app_entry, show_ignored
from mtl_core.ui.shared.resolved_choice import resolve_choice
from mtl_core.ui.shared.shot import frame, taking_shot
from mtl_core.ui.train.next_run import another_run, deleted_run, first_run, next_run, no_such_run
from mtl_core.ui.train.queue_controls import queue_notice, teacher_controls
from mtl_core.ui.train.run_actions import undo_line
from mtl_core.ui.train.run_list import follow_active, listed_runs, run_list, shipped_runs
from mtl_core.ui.train.run_view import run_picture, run_view

require_app_entry()
lab = the_lab()
chosen, requested = resolve_choice(lab), st.query_params.get(Key.RUN)
show_ignored(ignored_notes())

undo_line(lab, requested)
queue_notice(lab)
records = listed_runs(lab)
try:
    shown = lab.store.run(requested) if requested is not None else None
except UnknownRun:
    shown = None

with one_of_two_places(second=shown is not None):
    if shown is not None and taking_shot() and shown.state.is_final:
        with frame():
            run_picture(lab, shown)
        st.stop()
    if shown is not None:
        run_view(lab, shown)
        another_run(lab, chosen, shown)
    elif requested is not None and (deleted := lab.store.deleted(requested)) is not None:
        deleted_run(lab, chosen, deleted)
    elif requested is not None:
        no_such_run(lab, chosen, requested)
    elif records:
        next_run(lab, chosen, records)
    else:
        first_run(lab, chosen)
    run_list(lab, records, shown.id if shown else None)
    shipped_runs(lab)
    teacher_controls(lab)
    follow_active(lab)
    if shown is None:
        write_address(chosen.choice)
