"""Train: start a run, watch it, stop it; find the earlier ones again."""

import streamlit as st

from mtl_core.charts.sketch import loss_sketch
from mtl_core.engine.lab import the_lab
from mtl_core.errors import UnknownRun
from mtl_core.ui.choice import ignored_notes, write_address
from mtl_core.ui.chosen import chosen_by_visitor
from mtl_core.ui.front_door import through_the_front_door
from mtl_core.ui.keys import Key
from mtl_core.ui.page import current_palette, plain, show_ignored
from mtl_core.ui.run_form import another_run, first_run, next_run
from mtl_core.ui.run_list import run_list
from mtl_core.ui.run_view import run_view

through_the_front_door()
lab = the_lab()
chosen, asked = chosen_by_visitor(lab), st.query_params.get(Key.RUN)
show_ignored(ignored_notes())

shown = None
if asked is not None:
    try:
        shown = lab.store.run(asked)
    except UnknownRun as problem:
        st.warning(plain(str(problem)), icon=":material/search_off:")

records = lab.store.runs()
if shown is not None:
    run_view(lab, shown)
    another_run(lab, chosen, shown)
elif records:
    next_run(lab, chosen, records)
else:
    first_run(lab, chosen)
    st.plotly_chart(
        loss_sketch(current_palette()), key="sketch", theme=None, config={"displayModeBar": False}
    )
run_list(lab, records, shown.id if shown else None)
if shown is None:
    write_address(chosen.choice)
