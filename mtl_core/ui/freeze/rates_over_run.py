"""How the learning rates move over the run that the Freeze page describes."""

import streamlit as st

from mtl_core.charts.rates import schedule_figure
from mtl_core.charts.theme import Palette
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.resolved_choice import ResolvedChoice


def rates_over_run(chosen: ResolvedChoice, colors: Palette) -> None:
    """Draw them where anything learns, folded: the first screen already shows the rates."""
    if not any(table.totals.trainable for table in chosen.tables):
        return
    epochs, schedule = chosen.choice.epochs, chosen.plan.schedule
    with st.expander("Learning rate over the run"):
        st.caption(
            f"Schedule: {schedule}, anew in each phase. Over {epochs:g} epochs; dashed: heads. "
            "A part without a line is frozen."
        )
        st.plotly_chart(
            schedule_figure(chosen.tables, epochs, colors),
            theme=None,
            config={"displayModeBar": False},
            key=Key.RATES_OVER_RUN,
            alt="Learning rate of each part of the model over the run, phase by phase",
        )
