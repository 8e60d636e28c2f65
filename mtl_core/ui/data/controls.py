"""The controls of the Data page: which data, how much of a sentence is kept, and where to go on."""

import streamlit as st

from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.settings import Settings
from mtl_core.tasks.dataset import SAMPLE
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.ui.shared.choice import Choice, keep_choice, seed_widget
from mtl_core.ui.shared.data_picker import data_picker
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice


def data_buttons(lab: Lab, chosen: ResolvedChoice, colors: Palette) -> None:
    """On to training; and, for an upload, the button that forgets it."""
    reference = chosen.choice.data
    if is_upload(reference):
        st.button(
            "Forget this upload",
            key=Key.FORGET_UPLOAD,
            icon=":material/delete:",
            on_click=_forget,
            args=(lab, reference),
            help="Removes its files from this machine. Runs that learned from it stay.",
        )
    if st.button(
        "Train on these data",
        key=Key.TRAIN_DATA,
        icon=":material/play_arrow:",
        type="secondary" if colors is DARK else "primary",
    ):
        st.switch_page("pages/train.py", query_params=chosen.choice.as_query())


def data_settings(settings: Settings, chosen: ResolvedChoice) -> None:
    """Which data, and the maximum length to look at them with; what went wrong at a click."""
    if problem := st.session_state.pop(Key.UPLOAD_PROBLEM, None):
        st.error(plain(problem), icon=":material/error:")
    with st.grid(4, min_column_width=160, gap="small"):
        data_picker(settings, chosen.choice.data)
        seed_widget(Key.MAX_LENGTH)
        st.number_input(
            "Max length",
            min_value=8,
            step=8,
            key=Key.MAX_LENGTH,
            help="Sub-words a sentence keeps in training.",
        )


def _forget(lab: Lab, reference: str) -> None:
    try:
        lab.delete_upload(reference)
    except BadInput as problem:
        st.session_state[Key.UPLOAD_PROBLEM] = str(problem)
        return
    choice: Choice = st.session_state[Key.CHOICE]
    keep_choice(choice.replace(data=SAMPLE))
