"""One run on the Train page: what it does now, or what it came to."""

import streamlit as st

from mtl_core.analysis.finding import loss_finding
from mtl_core.analysis.summary import Progress, RunSummary, TaskProgress
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.errors import UnknownRun
from mtl_core.freezing.titles import task_title
from mtl_core.report.run_words import duration, elsewhere_words, facts, run_headline, step_time
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.task import TaskKind
from mtl_core.ui.shared.export_popover import export_popover
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.live_chart import live_chart
from mtl_core.ui.shared.page import current_palette, header, plain
from mtl_core.ui.shared.run_cache import figure_of, summary_of
from mtl_core.ui.train.chain import chain_table, go_on_button
from mtl_core.ui.train.naming import name_line
from mtl_core.ui.train.phase_table import phase_table
from mtl_core.ui.train.queue import queue_view, runs_before
from mtl_core.ui.train.run_again import again_buttons
from mtl_core.ui.train.run_cards import hue, run_cards
from mtl_core.ui.train.run_end import ask_button, how_to_repeat, run_end
from mtl_core.ui.train.run_start import start_once

TICK_SECONDS = 2.0


def run_view(lab: Lab, record: RunRecord) -> None:
    """Draw the run; while it is active, again every two seconds, and the whole page at its end."""
    if record.state.is_final:
        _draw(lab, record)
        summary = summary_of(lab, record)
        with st.container(horizontal=True, gap="small"):
            ask_button(record, summary)
            go_on_button(record, summary)
            export_popover(lab, [record])
        how_to_repeat(lab, record, summary)
    else:
        st.fragment(_watch, run_every=TICK_SECONDS)(lab, record.id)


def run_picture(lab: Lab, record: RunRecord) -> None:
    """An ended run without controls, for a picture."""
    summary, colors = summary_of(lab, record), current_palette()
    answer = run_headline(record, summary, 0)
    header(plain(answer), [plain(fact) for fact in facts(record, summary)], buttons=1)
    _result(lab, record, summary, colors)


def _watch(lab: Lab, run: str) -> None:
    try:
        record = lab.store.run(run)
    except UnknownRun:  # somebody deleted it
        st.rerun()
    if record.state.is_final:
        st.rerun()
    _draw(lab, record)


def _draw(lab: Lab, record: RunRecord) -> None:
    summary, colors = summary_of(lab, record), current_palette()
    before = runs_before(lab, record)
    answer = run_headline(record, summary, len(before))
    with header(plain(answer), [plain(fact) for fact in facts(record, summary)]):
        again = _buttons(lab, record)
    if again:
        start_once(lab, record.spec)
    name_line(lab, record)
    if record.state is RunState.WAITING:
        queue_view(lab, before)
        return
    if record.state is RunState.RUNNING:
        _progress(summary)
    _result(lab, record, summary, colors)


def _result(lab: Lab, record: RunRecord, summary: RunSummary, colors: Palette) -> None:
    """How it ended, if it has, and all it measured until now."""
    run_end(record, summary)
    if summary.progress is Progress.WAITING:
        return
    for note in summary.notes:
        st.caption(f":material/info: {plain(note)}")
    run_cards(summary, colors)
    _losses(record, summary, colors)
    phase_table(summary, colors)
    chain_table(lab, summary)
    for line in elsewhere_words(summary):
        st.markdown(f":small[{plain(line)}, not trained on]")


def _buttons(lab: Lab, record: RunRecord) -> bool:
    """The buttons of the head; whether the run is to run again."""
    if record.state.is_final:
        again = again_buttons(lab, record)
        st.button("New run", key=Key.NEW_RUN, icon=":material/add:", on_click=_leave)
        return again
    st.button(
        "Stop the run" if record.state is RunState.RUNNING else "Take out of the queue",
        key=Key.STOP,
        icon=":material/stop_circle:",
        disabled=record.stop_requested,
        on_click=_stop,
        args=(lab, record.id),
    )
    return False


def _leave() -> None:
    st.query_params.pop(Key.RUN, None)


def _stop(lab: Lab, run: str) -> None:
    try:
        lab.stop(run)
    except UnknownRun as problem:
        st.toast(plain(str(problem)))


def _progress(summary: RunSummary) -> None:
    if not summary.total_steps:
        st.progress(0.0, text="Loading the model and the data")
        return
    parts = [f"Step **{summary.step:,}** of {summary.total_steps:,}"]
    left = summary.remaining_seconds
    parts.append(
        f"{duration(summary.elapsed_seconds)} done"
        + (f", about **{duration(left)}** left" if left is not None else "")
    )
    if (pace := summary.seconds_per_step) is not None:
        parts.append(step_time(pace))
    st.progress(summary.share_done, text=" · ".join(parts))


def _losses(record: RunRecord, summary: RunSummary, colors: Palette) -> None:
    with st.grid(min(2, len(summary.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(summary.tasks):
            with st.container(gap="xsmall"):
                _loss_panel(record, summary, number, task, colors)


def _loss_panel(
    record: RunRecord, summary: RunSummary, number: int, task: TaskProgress, colors: Palette
) -> None:
    name = f"{colors.task(number).letter} · {task_title(task.task.name)}"
    finding = loss_finding(summary, task)
    each = "sentence" if task.task.kind is TaskKind.SENTENCE else "first sub-word of a token"
    with st.container(gap=None):
        st.markdown(f"### :{hue(number)}[{plain(name)}] {plain(finding)}")
        st.caption(f"Cross-entropy per {each}. Faint: each step; line: smoothed; rings: validation")
    live_chart(
        figure_of(summary, task.task.name, colors),
        title=f"{name} {finding}",
        facts=" · ".join(facts(record, summary)),
        filename=f"{record.id}-{task.task.name}-loss",
        colors=colors,
        key=f"loss_{task.task.name}",
    )
