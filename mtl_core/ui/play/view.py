"""Play on the Freeze page: the button, and both runs side by side while they train."""

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from mtl_core.analysis.summary import RunSummary
from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab
from mtl_core.report.run_words import duration, plan_words
from mtl_core.store.record import RunRecord, RunState
from mtl_core.text import capitalized, counted
from mtl_core.ui.play.figure import play_figure
from mtl_core.ui.play.finding import play_finding
from mtl_core.ui.play.runs import SENTENCES, played_runs, start_play
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.live_chart import live_chart
from mtl_core.ui.shared.page import current_palette, plain
from mtl_core.ui.shared.run_cache import summary_of
from mtl_core.ui.shared.undo import try_action
from mtl_core.ui.shared.visitor import current_visitor

TICK_SECONDS = 1.0
"""Shorter than on other pages: the first of the runs trains for a few seconds only."""

_HELP = (
    f"Trains the heads only, then the top two layers, on {SENTENCES} sentences for each task. "
    "Takes under 20 seconds on two cores."
)


def play_button(lab: Lab, colors: Palette, in_line: bool = False) -> None:
    """Draw the button that starts both runs. It is drawn as text within a line."""
    kind: Literal["primary", "secondary"] = "secondary" if colors is DARK else "primary"
    st.button(
        "Play: heads only against top 2",
        key=Key.PLAY_BUTTON,
        icon=":material/play_circle:",
        type="tertiary" if in_line else kind,
        help=_HELP,
        on_click=_play,
        args=(lab,),
    )


def play_view(lab: Lab) -> None:
    """Draw the runs of Play; nothing if the address has none."""
    runs = played_runs(lab)
    if not runs:
        return
    with st.container(border=True):
        if all(run.state.is_final for run in runs):
            _draw(lab, runs)
        else:
            st.fragment(_watch, run_every=TICK_SECONDS)(lab)


def _play(lab: Lab) -> None:
    def start() -> None:
        st.query_params[Key.PLAY] = ",".join(start_play(lab, current_visitor()))

    try_action(start)


def _close() -> None:
    st.query_params.pop(Key.PLAY, None)


def _watch(lab: Lab) -> None:
    runs = played_runs(lab)
    if all(run.state.is_final for run in runs):
        st.rerun()
    _draw(lab, runs)


def _draw(lab: Lab, runs: Sequence[RunRecord]) -> None:
    colors = current_palette()
    summaries = [summary_of(lab, run) for run in runs]
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.markdown(
            "### Two runs on the same sentences, loss of each training step", width="content"
        )
        st.button(
            "Close", key=Key.CLOSE_PLAY, icon=":material/close:", type="tertiary", on_click=_close
        )
    with st.grid(2, min_column_width=300, gap="medium"):
        for number, (run, summary) in enumerate(zip(runs, summaries, strict=True)):
            with st.container(gap=None):
                _panel(summary, state_words(lab, run, summary), number, colors)
    if all(run.state is RunState.FINISHED for run in runs):
        st.markdown(plain(play_finding(summaries)))
    else:
        st.markdown(":gray[The figures follow when both runs have finished.]")


def _panel(summary: RunSummary, state: str, number: int, colors: Palette) -> None:
    """One run: its plan with the number of parameters, its losses and its state."""
    trainable = max(phase.trainable or 0 for phase in summary.phases)
    title = (
        f"{capitalized(plan_words(summary.spec))} · {trainable:,} of {summary.parameters or 0:,}"
    )
    st.markdown(f"**{plain(title)} parameters**")
    live_chart(
        play_figure(summary, state, colors),
        title=title,
        facts=f"{SENTENCES} sentences for each task · seed {summary.spec.seed}",
        filename=f"{summary.run}-loss",
        colors=colors,
        key=f"play_{number}",
    )
    st.caption(plain(state))


def state_words(lab: Lab, run: RunRecord, summary: RunSummary) -> str:
    """What a run is doing."""
    match run.state:
        case RunState.WAITING if lab.store.is_paused():
            return "Waiting until the teacher resumes the queue"
        case RunState.WAITING:
            ahead = [each.id for each in lab.store.active()].index(run.id)
            return f"Waiting for {counted(ahead, 'other run')}" if ahead else "Starting the trainer"
        case RunState.RUNNING if summary.total_steps is None:
            return "Loading the model and the data"
        case RunState.RUNNING if not summary.step:
            return "Evaluating before the first step"
        case RunState.RUNNING if summary.step < (summary.total_steps or 0):
            return f"Step {summary.step} of {summary.total_steps}"
        case RunState.RUNNING:
            return "Evaluating after the last step"
        case RunState.FINISHED:
            return f"Finished in {duration(summary.elapsed_seconds)}"
        case ended:
            reason = f": {summary.reason}" if summary.reason else ""
            return f"{capitalized(str(ended))}{reason}"
