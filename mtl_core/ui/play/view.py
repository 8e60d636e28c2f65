"""Play: two plans side by side while they train, with what they train above their losses."""

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from mtl_core.analysis.summary import RunSummary
from mtl_core.charts.stack import stack_figure
from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab
from mtl_core.errors import UnknownRun
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.report.run_words import duration, plan_words
from mtl_core.report.starting import shown_stage, stage_line
from mtl_core.store.record import RunRecord, RunState
from mtl_core.text import capitalized, counted
from mtl_core.ui.play.figure import play_figure
from mtl_core.ui.play.finding import play_finding
from mtl_core.ui.play.runs import start_play
from mtl_core.ui.shared.chart import chart
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.live_chart import live_chart
from mtl_core.ui.shared.page import current_palette, header, plain
from mtl_core.ui.shared.run_cache import model_of, summary_of
from mtl_core.ui.shared.undo import try_action
from mtl_core.ui.shared.visitor import current_visitor

TICK_SECONDS = 1.0
"""Shorter than on other pages: the first of the runs trains for a few seconds only."""

_STACK_HEIGHT = 240


def play_button(lab: Lab, colors: Palette, label: str = "", in_line: bool = False) -> None:
    """Draw the button that starts both runs; within a line it is drawn as text."""
    kind: Literal["primary", "secondary"] = "secondary" if colors is DARK else "primary"
    st.button(
        label or "Play: heads only against top 2",
        key=Key.PLAY_BUTTON,
        icon=":material/play_circle:",
        type="tertiary" if in_line else kind,
        on_click=_play,
        args=(lab,),
    )


def play_page(lab: Lab, runs: Sequence[RunRecord], colors: Palette) -> None:
    """Draw the runs of Play in place of the Freeze page.

    Nothing on it moves while they train: all figures have their final size from the start, and the
    sentence at the end is the last element.
    """
    summaries = [summary_of(lab, run) for run in runs]
    ended = all(run.state.is_final for run in runs)
    with header("Two plans on the same sentences", _facts(lab, summaries), buttons=2):
        play_button(lab, colors, "Play again", in_line=True)
        st.button(
            "Close", key=Key.CLOSE_PLAY, icon=":material/close:", type="tertiary", on_click=_close
        )
    with st.grid(len(runs), min_column_width=330, gap="medium"):
        for number, summary in enumerate(summaries):
            with st.container(border=True, gap="small"):
                _plan(lab, summary, number, colors)
                if ended:
                    _losses(lab, summary.run, number)
                else:
                    st.fragment(_watch, run_every=TICK_SECONDS)(
                        lab, [run.id for run in runs], number
                    )
    if all(run.state is RunState.FINISHED for run in runs):
        st.markdown(plain(play_finding(summaries)))
        _next_steps(runs)


def _next_steps(runs: Sequence[RunRecord]) -> None:
    """Draw links to these runs side by side, and to a run of one's own."""
    ids = {str(Key.RUNS): ",".join(run.id for run in runs)}
    with st.container(horizontal=True, gap="small"):
        st.page_link(
            "pages/compare.py",
            label="Compare the two runs",
            icon=":material/bar_chart:",
            query_params=ids,
        )
        st.page_link("pages/train.py", label="Train a plan", icon=":material/play_arrow:")


def _facts(lab: Lab, summaries: Sequence[RunSummary]) -> list[str]:
    spec = summaries[0].spec
    sentences = lab.data.dataset(spec.data).counts()[spec.tasks[0].name]["train"]
    return [
        spec.checkpoint,
        f"data: {spec.data}, {sentences} training sentences for each task",
        f"{spec.epochs:g} epochs",
        f"seed {spec.seed}",
    ]


def _play(lab: Lab) -> None:
    def start() -> None:
        st.query_params[Key.PLAY] = ",".join(start_play(lab, current_visitor()))

    try_action(start)


def _close() -> None:
    st.query_params.pop(Key.PLAY, None)


def _plan(lab: Lab, summary: RunSummary, number: int, colors: Palette) -> None:
    """Draw what a run trains: the name of its plan, the number of parameters and the layers."""
    name = plain(capitalized(plan_words(summary.spec)))
    total = summary.parameters or 0
    st.markdown(f"## {name}: :orange[{summary.most_trainable:,}] of {total:,} parameters")
    model = model_of(lab, summary.spec)
    if model is not None:
        table = parameter_tables(summary.spec.plan, model)[0]
        chart(
            stack_figure(table, model, colors, _STACK_HEIGHT),
            f"{capitalized(plan_words(summary.spec))}: {summary.most_trainable:,} of {total:,} "
            "parameters are trainable",
            f"play_stack_{number}",
        )


def _watch(lab: Lab, runs: Sequence[str], number: int) -> None:
    try:
        ended = all(lab.store.run(run).state.is_final for run in runs)
    except UnknownRun:  # it was deleted
        ended = True
    if ended:
        st.rerun(scope="app")
    _losses(lab, runs[number], number)


def _losses(lab: Lab, run_id: str, number: int) -> None:
    """Draw the losses of one run and its state."""
    run, colors = lab.store.run(run_id), current_palette()
    summary = summary_of(lab, run)
    live_chart(
        play_figure(summary, colors),
        title=f"{capitalized(plan_words(summary.spec))}: loss of each training step, smoothed",
        facts=" · ".join(_facts(lab, [summary])),
        filename=f"{run.id}-loss",
        colors=colors,
        key=f"play_{number}",
    )
    st.caption(f"Loss of each training step, smoothed. {plain(state_words(lab, run, summary))}")


def state_words(lab: Lab, run: RunRecord, summary: RunSummary) -> str:
    """The state of a run, for the line below its losses."""
    match run.state:
        case RunState.WAITING if lab.store.is_paused():
            return "Waiting until the teacher resumes the queue"
        case RunState.WAITING:
            active = [each.id for each in lab.store.active()]
            ahead = active.index(run.id) if run.id in active else 0
            return f"Waiting for {counted(ahead, 'other run')}" if ahead else "Starting the trainer"
        case RunState.RUNNING if not summary.step:
            stage = shown_stage(lab.store.stages(run.id), summary)
            return "Loading the model and the data" if stage is None else stage_line(stage)
        case RunState.RUNNING if summary.step < (summary.total_steps or 0):
            return f"Step {summary.step} of {summary.total_steps}"
        case RunState.RUNNING:
            return "Evaluating after the last step"
        case RunState.FINISHED:
            return f"Finished in {duration(summary.elapsed_seconds)}"
        case ended:
            reason = f": {summary.reason}" if summary.reason else ""
            return f"{capitalized(str(ended))}{reason}"
