"""The progress of a comparison, the time left, and the buttons Stop and Resume."""

from collections.abc import Callable

import streamlit as st

from mtl_core.analysis.plans import PlanComparison, Verdict
from mtl_core.engine.comparison_progress import ComparisonProgress
from mtl_core.engine.lab import Lab, the_lab
from mtl_core.errors import FreezeLabError
from mtl_core.report.data_words import size_words
from mtl_core.report.run_words import about, plan_words
from mtl_core.report.starting import stage_words
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.text import counted
from mtl_core.training.comparison import DECIDING_SEEDS, train_size
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.visitor import current_visitor

TICK_SECONDS = 2.0
_MORE_SEEDS = 5


def comparison_state(lab: Lab, record: ComparisonRecord) -> None:
    """Draws the progress, refreshed every two seconds, or the unfinished runs at the end.

    The page reruns after each run that ends, so results appear as they arrive.
    """
    progress = lab.comparison_progress(record.id)
    if progress.ended:
        _ended(record, progress)
    else:
        st.fragment(_watch, run_every=TICK_SECONDS)(record, _ended_runs(progress))


def more_seeds_button(record: ComparisonRecord, comparison: PlanComparison) -> None:
    """Draws a button that adds seeds, if a plan is undecided and error is left for another look."""
    undecided = any(comparison.scored(task.name, Verdict.UNDECIDED) for task in comparison.tasks)
    unfinished = any(run.state is not RunState.FINISHED for run in record.runs)
    number = min(_MORE_SEEDS, DECIDING_SEEDS - len(record.spec.seeds))
    if not undecided or unfinished or number < 1 or not current_visitor().may_change(record):
        return
    highest = max(record.spec.seeds)
    seeds = tuple(range(highest + 1, highest + 1 + number))
    st.button(
        f"Add {counted(number, 'seed')}",
        key=Key.MORE_SEEDS,
        icon=":material/add:",
        on_click=_act,
        args=(the_lab().add_seeds, record.id, seeds),
        help="Trains each plan with more seeds, because plans are undecided. Each look at the "
        f"results uses part of the 5 % error rate; with {DECIDING_SEEDS} seeds all of it is used.",
    )


def progress_words(progress: ComparisonProgress) -> str:
    """Formats in Markdown: `**4** of 9 runs finished · now top layer, seed 2 · about 3 min left`.

    Of several running runs the first two are named.
    """
    parts = [f"**{progress.finished:,}** of {progress.total:,} runs finished"]
    if progress.current:
        named = "; ".join(_run_words(run, progress) for run in progress.current[:2])
        others = len(progress.current) - 2
        parts.append(f"now {named}{f' and {others} more' if others > 0 else ''}")
    parts += _unfinished(progress)
    if progress.remaining_seconds is not None:
        parts.append(f"{about(progress.remaining_seconds)} left")
    return " · ".join(parts)


def _run_words(run: RunRecord, progress: ComparisonProgress) -> str:
    sized = f", {size_words(train_size(run.spec))}" if run.spec.examples else ""
    starting = progress.starting.get(run.id)
    stage = f" ({stage_words(starting)})" if starting else ""
    return f"{plain(plan_words(run.spec))}{sized}, seed {run.spec.seed}{stage}"


def unfinished_words(progress: ComparisonProgress) -> str:
    """Counts the runs that did not finish; empty if all did."""
    unfinished = _unfinished(progress)
    if not unfinished:
        return ""
    return f"{progress.finished} of {progress.total} runs finished, {' and '.join(unfinished)}."


def _unfinished(progress: ComparisonProgress) -> list[str]:
    """`2 stopped` and `1 failed`; those that are 0 are left out."""
    counts = ((progress.stopped, "stopped"), (progress.failed, "failed"))
    return [f"{count} {word}" for count, word in counts if count]


def _watch(record: ComparisonRecord, ended: int) -> None:
    comparison = record.id
    try:
        progress = the_lab().comparison_progress(comparison)
    except FreezeLabError:  # it was deleted
        st.rerun(scope="app")
    if progress.ended or _ended_runs(progress) != ended:
        st.rerun(scope="app")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.container(width="stretch"):
            st.progress(min(1.0, max(0.0, progress.share_done)), text=progress_words(progress))
        if current_visitor().may_change(record):
            st.button(
                "Stop",
                key=Key.STOP_COMPARISON,
                icon=":material/stop_circle:",
                on_click=_act,
                args=(the_lab().stop_comparison, comparison),
            )


def _ended(record: ComparisonRecord, progress: ComparisonProgress) -> None:
    unfinished = unfinished_words(progress)
    if not unfinished or record.shipped:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(unfinished, width="content")
        if current_visitor().may_change(record):
            st.button(
                "Resume",
                key=Key.RESUME_COMPARISON,
                icon=":material/play_arrow:",
                on_click=_act,
                args=(the_lab().resume_comparison, record.id),
            )


def _ended_runs(progress: ComparisonProgress) -> int:
    return progress.finished + progress.failed + progress.stopped


def _act(operation: Callable[..., object], *arguments: object) -> None:
    """Carry out an operation of the lab for the visitor; show its error as a toast."""
    try:
        operation(*arguments, by=current_visitor())
    except FreezeLabError as problem:
        st.toast(plain(str(problem)))
