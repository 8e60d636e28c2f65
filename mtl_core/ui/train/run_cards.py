"""The four numbers of a run that are read first: each task's score, the proof, what learns."""

from typing import Literal

import streamlit as st

from mtl_core.analysis.summary import Progress, RunSummary, TaskProgress
from mtl_core.charts.theme import Palette
from mtl_core.freezing.titles import task_title
from mtl_core.report.run_words import share
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.shot import tooltip

Hue = Literal["violet", "green", "gray", "blue", "red", "orange"]
_HUES: tuple[Hue, ...] = (
    "violet",
    "green",
)  # Streamlit's names; the theme maps them to the tasks' colours


def hue(number: int) -> Hue:
    """The name of task `number`'s colour, counted from 0, for Markdown and metrics."""
    return _HUES[number] if number < len(_HUES) else "gray"


def run_cards(summary: RunSummary, colors: Palette) -> None:
    """Draw the cards: in one row, two by two on a phone."""
    cards = len(summary.tasks) + 2
    with st.grid(cards if cards <= 5 else 4, min_column_width=160, gap="small"):
        for number, task in enumerate(summary.tasks):
            _score_card(number, task, colors)
        _proof_card(summary)
        _learning_card(summary)


def _score_card(number: int, task: TaskProgress, colors: Palette) -> None:
    st.metric(
        f"{colors.task(number).letter} · {plain(task_title(task.task.name))} {task.metric}",
        "–" if task.latest is None else f"{task.latest:.3f}",
        "not measured" if task.first is None else f"was {task.first:.3f} at start",
        delta_color=hue(number),
        delta_arrow="off",
        border=True,
    )


def _proof_card(summary: RunSummary) -> None:
    value, chip, color = _proof(summary)
    st.metric(
        "Frozen, bit-identical",
        value,
        chip,
        delta_color=color,
        delta_arrow="off",
        border=True,
        help=tooltip("Each tensor that did not learn is compared by its SHA-256 before and after."),
    )


def _proof(summary: RunSummary) -> tuple[str, str, Hue]:
    """The newest proof: of the whole run, or of the last phase that ended."""
    if (end := summary.finished) is not None:
        count, same, where = end.frozen_tensors, end.frozen_identical, "tensors"
    else:
        proved = [p for p in summary.phases if p.frozen_identical is not None]
        if not proved:
            return _unproved(summary)
        count, same = proved[-1].frozen_tensors or 0, bool(proved[-1].frozen_identical)
        where = f"in phase {proved[-1].number}"
    if count == 0:
        return "none frozen", "every tensor may learn", "gray"
    if not same:
        return "changed", "a frozen tensor is not what it was", "red"
    return f"{count:,} of {count:,}", f"❄︎ {where}, by SHA-256", "blue"


def _unproved(summary: RunSummary) -> tuple[str, str, Hue]:
    phase = summary.phase or summary.phases[0]
    if phase.frozen_tensors == 0:
        return "none frozen", "every tensor may learn", "gray"
    ended = phase.state is Progress.BROKEN_OFF
    chip = "not checked: it broke off" if ended else "checked at its end"
    known = phase.frozen_tensors is not None
    return (
        (f"{phase.frozen_tensors:,} tensors" if known else "–"),
        chip,
        "gray" if ended else "blue",
    )


def _learning_card(summary: RunSummary) -> None:
    phase = summary.phase or summary.phases[0]
    count, part = phase.trainable, phase.share
    chip = "not known yet" if part is None else f"▲ {share(part)} of all"
    st.metric(
        "Parameters learning" if len(summary.phases) == 1 else f"Learning in phase {phase.number}",
        "–" if count is None else f"{count:,}",
        chip if count != 0 else "❄︎ all are frozen",
        delta_color="orange" if count else "blue",
        delta_arrow="off",
        border=True,
    )
