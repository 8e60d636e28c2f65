"""Tests a claim on this machine: queues its runs and shows their progress."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.analysis.claim_rules import KeptBytes
from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError, UnknownComparison, UnknownRun
from mtl_core.lessons.claim import Claim
from mtl_core.lessons.claim_runs import complete_arms
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.report.run_words import about
from mtl_core.store.record import ComparisonRecord, RunState
from mtl_core.ui.guide.verdicts import ClaimState, GuideState, expected_seconds
from mtl_core.ui.shared.keys import Key, claim_key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.visitor import current_visitor

_TICK_SECONDS = 2


def test_button(lab: Lab, guide: GuideState, state: ClaimState) -> None:
    """Draw the button that queues the missing runs of a claim, or the progress of these runs."""
    claim = state.claim
    if isinstance(claim.rule, KeptBytes):
        st.caption("computed without runs")
    elif state.to_run:
        partly = any(run.state is RunState.FINISHED for run in state.runs)
        word = "Resume" if partly else "Test"
        st.button(
            f"{word}: {_duration(state, expected_seconds(guide, state))}",
            key=claim_key("test", claim.id),
            type="tertiary",
            icon=":material/science:",
            disabled=bool(state.missing),
            on_click=_queue,
            args=(lab, claim),
            help=f"Needs the weights of {', '.join(state.missing)}."
            if state.missing
            else "Trains the runs on this machine in the background. Then shows their verdict next "
            "to the included one.",
        )
    elif not all(run.state.is_final for run in state.runs):
        ids = [run.id for run in state.runs]
        st.fragment(_claim_progress, run_every=_TICK_SECONDS)(lab, claim.id, ids)


def _claim_progress(lab: Lab, claim: str, ids: Sequence[str]) -> None:
    """The progress of the runs of one claim, and the button that stops their comparisons."""
    try:
        runs = [lab.store.run(each) for each in ids]
    except UnknownRun:  # deleted in another session
        st.rerun(scope="app")
    if all(run.state.is_final for run in runs):
        st.rerun(scope="app")
    done = sum(run.state is RunState.FINISHED for run in runs)
    st.progress(done / len(runs), f"{done} of {len(runs)} runs finished")
    active = {run.comparison for run in runs if run.comparison and not run.state.is_final}
    comparisons = [lab.store.comparison(each) for each in sorted(active)]
    if any(map(current_visitor().may_change, comparisons)):
        st.button(
            "Stop",
            key=claim_key(Key.STOP_TEST, claim),
            type="tertiary",
            icon=":material/stop_circle:",
            on_click=_stop,
            args=(lab, [each.id for each in comparisons]),
            help="Stops all runs of the comparison, which may test other claims too.",
        )


def show_test_problem() -> None:
    """Show once why the last test could not be queued."""
    if problem := st.session_state.pop(Key.TEST_PROBLEM, None):
        st.error(plain(problem))


def progress_of_tests(lab: Lab, active: Sequence[ComparisonRecord]) -> None:
    """Draw the progress of the tests, updated every two seconds until all runs have ended."""
    ids = [each.id for each in active]

    @st.fragment(run_every=_TICK_SECONDS)
    def tick() -> None:
        try:
            comparisons = [lab.store.comparison(each) for each in ids]
        except UnknownComparison:  # deleted in another session
            st.rerun()
        runs = [run for each in comparisons for run in each.runs]
        done = sum(run.state is RunState.FINISHED for run in runs)
        if all(each.ended for each in comparisons):
            st.rerun()
        unfinished = sum(run.state.is_final for run in runs) - done
        now = [run.spec for run in runs if run.state is RunState.RUNNING]
        others = f" and {len(now) - 1} more" if len(now) > 1 else ""
        text = f"Testing: {done} of {len(runs)} runs finished"
        text += f" · {unfinished} stopped or failed" if unfinished else ""
        text += f" · running: {now[0].arm_name}, seed {now[0].seed}{others}" if now else ""
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress((done + unfinished) / len(runs), text)
            if any(map(current_visitor().may_change, comparisons)):
                st.button(
                    "Stop", key=Key.STOP_TEST, on_click=_stop, args=(lab, ids), type="tertiary"
                )

    tick()


def _queue(lab: Lab, claim: Claim) -> None:
    try:
        complete_arms(
            lab,
            claim.arms,
            lambda checkpoint, vector, *, data: lab.model_description(
                checkpoint, lab.data.dataset(data).tasks, vector
            ),
            by=current_visitor(),
        )
    except FreezeLabError as problem:
        st.session_state[Key.TEST_PROBLEM] = str(problem)


def _stop(lab: Lab, comparisons: Sequence[str]) -> None:
    actor = current_visitor()
    for each in comparisons:
        if actor.may_change(lab.store.comparison(each)):
            lab.stop_comparison(each, actor)


def _duration(state: ClaimState, seconds: float | None) -> str:
    runs = sum(len(EXPERIMENTS[arm.experiment].spec.seeds) for arm in state.to_run)
    return about(seconds) if seconds is not None else f"{runs} runs"
