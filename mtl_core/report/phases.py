"""The phases of a run as a table's rows, for the Train page and for the note."""

from mtl_core.analysis.summary import PhaseProgress, Progress, RunSummary
from mtl_core.charts.theme import LIGHT
from mtl_core.freezing.table_text import rate_text
from mtl_core.report.run_words import share

_SIGNS = {
    Progress.DONE: "✓ done",
    Progress.RUNNING: "● running",
    Progress.WAITING: "○ waiting",
    Progress.BROKEN_OFF: "■ broken off",
}


def phase_row(phase: PhaseProgress, summary: RunSummary) -> dict[str, str]:
    """One phase by column title; empty where something is not known or not measured."""
    scores = {
        f"{LIGHT.task(number).letter} {task.metric}": _text(phase.scores.get(task.task.name))
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
        "Frozen, identical": _proof(phase),
    }


def _sign(phase: PhaseProgress, summary: RunSummary) -> str:
    over = summary.progress is Progress.DONE and phase.state is Progress.WAITING
    return "○ not begun" if over else _SIGNS[phase.state]


def _proof(phase: PhaseProgress) -> str:
    if phase.state is Progress.RUNNING:
        return "checked at its end"
    if phase.frozen_identical is None:
        return ""
    if not phase.frozen_identical:
        return "no: a tensor changed"
    return f"{phase.frozen_tensors:,} of {phase.frozen_tensors:,}"


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
