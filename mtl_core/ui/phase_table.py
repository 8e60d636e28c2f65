"""The phases of a run as a table: done, running, waiting."""

import pandas as pd
import streamlit as st

from mtl_core.analysis.summary import PhaseProgress, Progress, RunSummary
from mtl_core.charts.theme import Palette
from mtl_core.freezing.table import State
from mtl_core.freezing.writing import rate_text
from mtl_core.ui.run_words import share

_SIGNS = {
    Progress.DONE: "✓ done",
    Progress.RUNNING: "● running",
    Progress.WAITING: "○ waiting",
    Progress.BROKEN_OFF: "■ broken off",
}


def phase_table(summary: RunSummary, colors: Palette) -> None:
    """Draw the table; the running phase in the colour of what learns."""
    rows = pd.DataFrame([_phase_row(phase, summary, colors) for phase in summary.phases])
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


def _sign(phase: PhaseProgress, summary: RunSummary) -> str:
    over = summary.progress is Progress.DONE and phase.state is Progress.WAITING
    return "○ not begun" if over else _SIGNS[phase.state]


def _phase_row(phase: PhaseProgress, summary: RunSummary, colors: Palette) -> dict[str, str]:
    scores = {
        f"{colors.task(number).letter} {task.metric}": _text(phase.scores.get(task.task.name))
        for number, task in enumerate(summary.tasks)
    }
    return {
        "State": _sign(phase, summary),
        "Phase": f"{phase.number}  {phase.name}",
        "Parameters that learn": "" if phase.trainable is None else f"{phase.trainable:,}",
        "Share": "" if phase.share is None else share(phase.share),
        "Learning rate": ", ".join(rate_text(rate) for _, rate in phase.rates) or "–",
        "Steps": "" if phase.steps is None else f"{phase.steps_done:,} of {phase.steps:,}",
        **scores,
        "Frozen, identical": _phase_proof(phase),
    }


def _phase_proof(phase: PhaseProgress) -> str:
    if phase.state is Progress.RUNNING:
        return "checked at its end"
    if phase.frozen_identical is None:
        return ""
    if not phase.frozen_identical:
        return "no: a tensor changed"
    return f"{phase.frozen_tensors:,} of {phase.frozen_tensors:,}"


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
