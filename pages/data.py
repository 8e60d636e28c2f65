"""Data: the training data of the tasks, the effect of the maximum length, and uploads."""

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.errors import BadInput
from mtl_core.report.data_words import data_headline
from mtl_core.ui.data.data_view import (
    data_buttons,
    data_facts,
    data_settings,
    digests,
    overview_of_choice,
    repeated_warning,
    task_panels,
)
from mtl_core.ui.data.upload_form import upload_form
from mtl_core.ui.shared.choice import ignored_notes, write_address
from mtl_core.ui.shared.page import current_palette, header, plain, require_app_entry, show_ignored
from mtl_core.ui.shared.resolved_choice import resolve_choice
from mtl_core.ui.shared.shot import frame, picture_popover, taking_shot

require_app_entry()
lab = the_lab()
chosen, colors = resolve_choice(lab), current_palette()
max_length = chosen.choice.max_length
try:
    found = overview_of_choice(lab, chosen)
except BadInput as problem:
    header("This data cannot be read", [plain(chosen.choice.data)])
    st.error(plain(str(problem)), icon=":material/error:")
    data_settings(lab.settings, chosen)
    upload_form(lab)
else:
    answer, facts = plain(data_headline(found, max_length)), data_facts(chosen, found)
    if taking_shot():
        with frame():
            header(answer, facts, buttons=1)
            repeated_warning(found)
            task_panels(found, max_length, colors)
        st.stop()
    with header(answer, facts, buttons=2):
        picture_popover()
        data_buttons(lab, chosen, colors)
    show_ignored(ignored_notes())
    repeated_warning(found)
    data_settings(lab.settings, chosen)
    upload_form(lab)
    task_panels(found, max_length, colors)
    digests(found)
write_address(chosen.choice)
