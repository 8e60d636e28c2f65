"""The dashboard of Freeze Lab: opens the lab and declares the pages."""

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.errors import FreezeLabError
from mtl_core.lessons.shipped_runs import import_shipped_at_start
from mtl_core.ui.accessibility.whole_page import start_page_script, style_page
from mtl_core.ui.glossary.words import explain_words
from mtl_core.ui.shared.page import STATIC, current_palette, logo, plain
from mtl_core.ui.shared.shot import taking_shot

st.set_page_config(page_title="Freeze Lab", page_icon=str(STATIC / "icon.svg"), layout="wide")
logo()
style_page()
try:
    the_lab(on_open=import_shipped_at_start)
    st.navigation(
        [
            st.Page("pages/freeze.py", title="Freeze", default=True),
            st.Page("pages/checkpoints.py", title="Checkpoints"),
            st.Page("pages/plan.py", title="Your own plan"),
            st.Page("pages/train.py", title="Train"),
            st.Page("pages/compare.py", title="Compare"),
            st.Page("pages/predict.py", title="Predict"),
            st.Page("pages/guide.py", title="Guide"),
            st.Page("pages/data.py", title="Data"),
        ],
        position="hidden" if taking_shot() else "top",
    ).run()
    if not taking_shot():
        with st.container(gap=None):  # both draw nothing
            explain_words(current_palette())
            start_page_script()
except FreezeLabError as problem:  # Streamlit would show its type only
    st.error(plain(str(problem)))
