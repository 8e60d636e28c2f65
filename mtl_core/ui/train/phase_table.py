"""The phases of a run as a table: done, running, waiting."""

import pandas as pd
import streamlit as st

from mtl_core.analysis.summary import Progress, RunSummary
from mtl_core.charts.theme import Palette
from mtl_core.freezing.table import State
from mtl_core.report.runs import phase_row
from mtl_core.ui.shared.page import plain


def phase_table(summary: RunSummary, colors: Palette) -> None:
    """Draw the table, the running phase in the colour of what learns; and below it what that
    phase, or the last one, reused."""
    rows = pd.DataFrame([phase_row(phase, summary) for phase in summary.phases])
    vermilion = colors.states[State.TRAINABLE].text
    states = [phase.state for phase in summary.phases]
    styled = rows.style.apply(
        lambda _: [
            f"color: {vermilion}; font-weight: 600" if state is Progress.RUNNING else ""
            for state in states
        ],
        subset=["State", "Phase"],
    )
    st.dataframe(
        styled,
        hide_index=True,
        height="content",
        alt="The phases of the run",
        column_config={
            name: st.column_config.TextColumn(name, alignment="right") for name in rows.columns[2:]
        },
    )
    if (phase := summary.phase) is not None and phase.reuse:
        which = f"Phase {phase.number}: " if len(summary.phases) > 1 else ""
        st.caption(plain(f"{which}{phase.reuse}"))
