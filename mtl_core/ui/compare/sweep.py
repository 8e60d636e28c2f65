"""A fold of a comparison that tried learning rates first: what each rate scored, and which won."""

import streamlit as st

from mtl_core.analysis.sweep import tried_rates
from mtl_core.engine.lab import Lab
from mtl_core.report.sweep_words import SWEEP_CAPTION, sweep_row, sweep_title
from mtl_core.store.record import ComparisonRecord
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.run_cache import summary_of
from mtl_core.ui.shared.words_table import words_table


def sweep_view(lab: Lab, record: ComparisonRecord) -> None:
    """The fold, closed at first; nothing where no rates were tried."""
    tried = tried_rates(record, lambda run: summary_of(lab, run))
    if not tried:
        return
    with st.expander(plain(sweep_title(tried)), key=Key.TRIED_RATES):
        rows = [sweep_row(each) for each in tried]
        words_table(rows, Key.TRIED_TABLE, "Learning rates that were tried")
        st.caption(SWEEP_CAPTION)
