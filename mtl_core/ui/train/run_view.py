"""One run on the Train page: queue position, progress or results, updated while it is active."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import takewhile

import streamlit as st

from mtl_core.analysis.durations import RunAhead, expected_wait, runs_ahead
from mtl_core.analysis.finding import loss_finding
from mtl_core.analysis.summary import ProgressState, RunSummary, TaskProgress
from mtl_core.analysis.training_losses import training_loss_note
from mtl_core.charts.loss import HEIGHT, loss_sketch
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.errors import UnknownRun
from mtl_core.freezing.titles import task_title
from mtl_core.report.run_words import (
    about,
    duration,
    encoder_words,
    facts,
    other_data_lines,
    plan_words,
    run_headline,
    step_time,
)
from mtl_core.report.starting import share_of_stage, shown_stage, stage_line
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.task import TaskKind
from mtl_core.text import counted
from mtl_core.training.starting import Starting
from mtl_core.ui.shared.export_popover import export_popover
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.live_chart import live_chart
from mtl_core.ui.shared.page import current_palette, header, hue, plain
from mtl_core.ui.shared.run_cache import figure_of, summary_of
from mtl_core.ui.shared.undo import try_action
from mtl_core.ui.shared.visitor import current_visitor
from mtl_core.ui.train.run_actions import (
    add_run_button,
    again_buttons,
    continue_button,
    name_line,
    resume_button,
    try_button,
)
from mtl_core.ui.train.run_form import at_once_words, start_once
from mtl_core.ui.train.run_result import (
    how_to_repeat,
    phase_table,
    run_cards,
    run_details,
    run_outcome,
    stage_table,
)

TICK_SECONDS = 2.0

_PROGRESS_HEIGHT = 72  # pixels: two lines of text above the bar, on a phone


def run_view(lab: Lab, record: RunRecord) -> None:
    """Draw the run. While it is active, redraw it every TICK_SECONDS, and the page when it ends."""
    if record.state.is_final:
        with st.container():  # a fragment has one too: its elements are updated, not replaced
            _draw(lab, record)
        summary = summary_of(lab, record)
        with st.container(horizontal=True, gap="small"):
            try_button(record, summary)
            continue_button(record, summary)
            add_run_button(lab, record)
            export_popover(lab, [record])
        how_to_repeat(lab, record, summary)
    else:
        st.fragment(_watch, run_every=TICK_SECONDS)(lab, record.id)
        with st.container(horizontal=True, gap="small"):
            add_run_button(lab, record)


def run_picture(lab: Lab, record: RunRecord) -> None:
    """A finished run without controls, for a screenshot."""
    summary, colors = summary_of(lab, record), current_palette()
    answer = run_headline(record, summary, 0)
    header(plain(answer), [plain(fact) for fact in facts(record, summary)], buttons=1)
    _result(lab, record, summary, colors)


def _watch(lab: Lab, run: str) -> None:
    try:
        record = lab.store.run(run)
    except UnknownRun:  # it was deleted
        st.rerun()
    if record.state.is_final:
        st.rerun()
    _draw(lab, record)


def _draw(lab: Lab, record: RunRecord) -> None:
    summary, colors = summary_of(lab, record), current_palette()
    before = _runs_before(lab, record)
    stage = _stage(lab, record, summary)
    answer = run_headline(record, summary, len(before))
    about_run = [plain(fact) for fact in facts(record, summary)]
    with header(plain(answer), about_run, key=Key.RUN_HEADLINE):
        again = _buttons(lab, record)
    if again:
        start_once(lab, record.spec)
    name_line(lab, record)
    _result(lab, record, summary, colors, before, stage)


def _result(
    lab: Lab,
    record: RunRecord,
    summary: RunSummary,
    colors: Palette,
    before: Sequence[RunRecord] = (),
    stage: Starting | None = None,
) -> None:
    """The progress or the outcome, and all measurements so far.

    Everything has its place from the beginning, so that nothing moves when the run starts, and
    hardly anything when it ends.
    """
    if not record.state.is_final:
        with st.container(height=_PROGRESS_HEIGHT, border=False):
            if record.state is RunState.WAITING:
                _queue_view(lab, record, before)
            else:
                _progress(record, summary, stage)
    elif record.state is RunState.FINISHED:
        with st.container(height=_PROGRESS_HEIGHT, border=False):
            run_outcome(record, summary)
    else:
        run_outcome(record, summary)
        if summary.progress is ProgressState.WAITING:
            return
    run_cards(summary)
    _losses(record, summary, colors)
    for note in summary.notes:
        st.caption(f":material/info: {plain(note)}")
    phase_table(summary, colors)
    run_details(summary)
    stage_table(lab, summary)
    for line in other_data_lines(summary):
        st.markdown(f":small[{plain(line)} (not used for training)]")


def _buttons(lab: Lab, record: RunRecord) -> bool:
    """Draw the buttons in the header; return whether "Run again" was clicked."""
    if record.state.is_final:
        resume_button(lab, record)
        again = again_buttons(lab, record)
        st.button("New run", key=Key.NEW_RUN, icon=":material/add:", on_click=_leave)
        return again
    if not current_visitor().may_change(record):
        return False
    st.button(
        "Stop the run" if record.state is RunState.RUNNING else "Remove from the queue",
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
    try_action(lambda: lab.stop(run, current_visitor()))


def _stage(lab: Lab, record: RunRecord, summary: RunSummary) -> Starting | None:
    """What a running run does before its next step; None while it steps, and while it stops."""
    if record.state is not RunState.RUNNING or record.stop_requested:
        return None
    return shown_stage(lab.store.stages(record.id), summary)


def _progress(record: RunRecord, summary: RunSummary, stage: Starting | None) -> None:
    if stage is not None:
        seconds = record.seconds_since_start(datetime.now(UTC))
        share = summary.share_done if summary.step else share_of_stage(stage)
        st.progress(share, text=stage_line(stage, summary.step, seconds))
        return
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
    if note := training_loss_note([record.spec]):
        st.caption(plain(note))


def _loss_panel(
    record: RunRecord, summary: RunSummary, number: int, task: TaskProgress, colors: Palette
) -> None:
    name = f"{colors.task(number).letter} · {task_title(task.task.name)}"
    finding = loss_finding(summary, task)
    each = "sentence" if task.task.kind is TaskKind.SENTENCE else "first sub-word of a token"
    with st.container(gap=None, key=f"{Key.LOSS_TITLE}_{task.task.name}"):
        st.markdown(f"## :{hue(number)}[{plain(name)}] {plain(finding)}")
        st.caption(
            f"Cross-entropy per {each}. Faint: each step; line: smoothed; rings: validation set"
        )
    started = task.losses or task.evaluations
    live_chart(
        figure_of(summary, task.task.name, colors) if started else loss_sketch("", colors, HEIGHT),
        title=f"{name} {finding}",
        facts=" · ".join(facts(record, summary)),
        filename=f"{record.id}-{task.task.name}-loss",
        colors=colors,
        key=f"loss_{task.task.name}",
    )


def _runs_before(lab: Lab, record: RunRecord) -> list[RunRecord]:
    """The runs ahead of a waiting run: the running ones first, then the queue in order."""
    if record.state is not RunState.WAITING:
        return []
    older = takewhile(lambda each: each.id != record.id, lab.store.active())
    return sorted(older, key=lambda each: each.state is RunState.WAITING)


def _queue_view(lab: Lab, record: RunRecord, before: Sequence[RunRecord]) -> None:
    """Draw the position in the queue and the expected start, and list the runs ahead on request."""
    place = 1 + sum(each.state is RunState.WAITING for each in before)
    position = f"Position **{place}** in the queue: "
    if lab.store.is_paused():
        st.progress(0.0, text=f"{position}it starts after the teacher resumes the queue.")
        return
    if not before:
        st.progress(0.0, text=f"{position}it starts as soon as a trainer is ready.")
        return
    running = [each for each in before if each.state is RunState.RUNNING]
    remaining = {each.id: summary_of(lab, each).remaining_seconds for each in running}
    past = lab.store.runs(states=(RunState.FINISHED,))
    ahead = runs_ahead(before, remaining, past, datetime.now(UTC))
    start = _start_words(ahead, lab.runs_at_once(record.spec.threads, record.spec.device))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            st.progress(0.0, text=position + start)
        with st.popover(f"{counted(len(ahead), 'run')} ahead"):
            st.markdown(f"{at_once_words(lab, record.spec.device)} Ahead of this run:")
            for number, each in enumerate(ahead, start=1):
                st.markdown(f"{number}\\. {_queue_row(each)}")


def _start_words(ahead: Sequence[RunAhead], at_once: int) -> str:
    seconds = expected_wait(ahead, at_once)
    if seconds is not None:
        return f"it starts in **{about(seconds)}**."
    first = next(each for each in ahead if each.seconds is None)
    plan = plain(plan_words(first.run.spec))
    if first.run.state is RunState.RUNNING:
        return f"start time unknown: too few steps of {plan} have been timed."
    return f"start time unknown: no run similar to {plan} has finished yet."


def _queue_row(ahead: RunAhead) -> str:
    run, spec = ahead.run, ahead.run.spec
    running = run.state is RunState.RUNNING
    takes = "duration unknown" if ahead.seconds is None else about(ahead.seconds)
    left = " left" if running and ahead.seconds is not None else ""
    return (
        f"**{plain(run.title or plan_words(spec))}** · {plain(encoder_words(spec))} · "
        f"seed {spec.seed} · {'running' if running else 'waiting'} · {takes}{left}"
    )
