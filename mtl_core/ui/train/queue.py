"""A waiting run: its place, what comes before it, and when it will begin."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import takewhile

import streamlit as st

from mtl_core.analysis.queue import Ahead, expected_wait, runs_ahead
from mtl_core.engine.lab import Lab
from mtl_core.report.run_words import about, plan_words
from mtl_core.store.record import RunRecord, RunState
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.run_cache import summary_of


def runs_before(lab: Lab, record: RunRecord) -> list[RunRecord]:
    """The runs that come before a waiting one: the one that runs, then the queue."""
    if record.state is not RunState.WAITING:
        return []
    older = takewhile(lambda each: each.id != record.id, lab.store.active())
    return sorted(older, key=lambda each: each.state is RunState.WAITING)


def queue_view(lab: Lab, before: Sequence[RunRecord]) -> None:
    """Draw the place, the expected start, and the runs before."""
    place = 1 + sum(each.state is RunState.WAITING for each in before)
    if not before:
        st.markdown("Place **1** in the queue: it begins as soon as the trainer is free.")
        return
    running = [each for each in before if each.state is RunState.RUNNING]
    remaining = {each.id: summary_of(lab, each).remaining_seconds for each in running}
    ahead = runs_ahead(before, remaining, lab.store.runs(), datetime.now(UTC))
    st.markdown(f"Place **{place}** in the queue: {_start_words(ahead)}")
    st.markdown("One run is trained at a time. Before this one:")
    for number, each in enumerate(ahead, start=1):
        st.markdown(f"{number}\\. {_row(each)}")


def _start_words(ahead: Sequence[Ahead]) -> str:
    seconds = expected_wait(ahead)
    if seconds is not None:
        return f"it begins in **{about(seconds)}**."
    first = next(each for each in ahead if each.seconds is None)
    plan = plain(plan_words(first.run.spec))
    if first.run.state is RunState.RUNNING:
        return f"when it begins is not known yet: too few steps of {plan} were timed."
    return (
        "when it begins is not known: no finished run has the plan, data and settings of "
        f"{plan}, to tell how long it takes."
    )


def _row(ahead: Ahead) -> str:
    run, spec = ahead.run, ahead.run.spec
    going = run.state is RunState.RUNNING
    takes = "time not known" if ahead.seconds is None else about(ahead.seconds)
    left = " left" if going and ahead.seconds is not None else ""
    return (
        f"**{plain(run.title or plan_words(spec))}** · {plain(spec.checkpoint)} · "
        f"seed {spec.seed} · {'running' if going else 'waiting'} · {takes}{left}"
    )
