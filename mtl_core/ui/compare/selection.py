"""Selects the runs to compare: from the address, from the picker, or the newest ones."""

from collections.abc import Collection, Sequence

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.errors import UnknownComparison
from mtl_core.lessons.claim_runs import comparison_name
from mtl_core.report.run_words import STATE_SIGNS, moment, plan_words
from mtl_core.store.record import ComparisonRecord, ListedComparison, RunRecord, RunState
from mtl_core.text import counted, shortened
from mtl_core.ui.shared.choice import came_by_history
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.visitor import current_visitor

MOST = 40
"""The most runs selected one by one: eight plans, which are still legible, with five seeds."""

_OFFERED = 30

_STATES = (RunState.FINISHED, RunState.RUNNING, RunState.STOPPED, RunState.INTERRUPTED)


def comparable(lab: Lab) -> list[RunRecord]:
    """Returns the newest runs that have results or are producing them."""
    return lab.store.runs(states=_STATES)


def compared_runs(records: Sequence[RunRecord]) -> tuple[list[RunRecord], list[str]]:
    """Returns the selected runs of `records` (newest first), and notes on ignored ids.

    The address decides on a session's first script run, after a link that names runs or a
    comparison, and after the browser's back and forward buttons; otherwise the picker does. Call it
    before the picker is drawn.
    """
    known = {record.id: record for record in records}
    stored = st.session_state.get(Key.COMPARED)
    address = _split(st.query_params.get(Key.RUNS, ""))
    if stored is None or _address_decides():
        requested = address or [record.id for record in preselected(records)]
    else:
        requested = list(st.session_state.get(Key.RUNS, stored))
    ids = [run for run in requested if run in known]
    notes = [_unknown(run) for run in requested if run not in known]
    if len(ids) > MOST:
        notes.append(f"At most {MOST} runs are compared: {', '.join(ids[MOST:])} left out.")
        ids = ids[:MOST]
    st.session_state[Key.COMPARED] = ids
    return [known[run] for run in ids], notes


def preselected(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Returns the newest finished runs that share checkpoint, data and length, oldest first.

    At most MOST; the newest two finished runs if no two share these settings.
    """
    finished = [record for record in records if record.state is RunState.FINISHED]
    groups: dict[tuple[object, ...], list[RunRecord]] = {}
    for record in finished:
        groups.setdefault(_setting(record), []).append(record)
    chosen = next((group for group in groups.values() if len(group) > 1), finished[:2])
    return chosen[:MOST][::-1]


def _setting(record: RunRecord) -> tuple[object, ...]:
    spec = record.spec
    return spec.checkpoint, spec.data, spec.epochs, tuple(sorted(spec.examples.items()))


def chosen_comparison(lab: Lab) -> tuple[ComparisonRecord | None, list[str]]:
    """Returns the selected comparison, None for single runs, and notes on ignored ids.

    The address decides as in `compared_runs`; if it contains neither a comparison nor runs, the
    newest comparison that has results is selected. Call it before the picker is drawn.
    """
    stored = st.session_state.get(Key.COMPARISON_SHOWN)
    if stored is None or _address_decides():
        requested = st.query_params.get(Key.COMPARISON, "")
        if not requested and not st.query_params.get(Key.RUNS):
            requested = _newest_with_results(lab)
    else:
        requested = st.session_state.get(Key.COMPARISON, stored) or ""
    notes = []
    try:
        record = lab.store.comparison(requested) if requested else None
    except UnknownComparison:
        record, notes = None, [_unknown(requested)]
    st.session_state[Key.COMPARISON_SHOWN] = record.id if record else ""
    return record, notes


def _address_decides() -> bool:
    """Whether the visitor came by a link that names what to compare, or by back or forward."""
    named = Key.COMPARISON in st.query_params or Key.RUNS in st.query_params
    return came_by_history() or (named and bool(st.session_state.get(Key.PAGE_IS_NEW)))


def _newest_with_results(lab: Lab) -> str:
    """Returns the newest comparison with two scored plans and no stopped run.

    Without such a comparison, returns the newest of all; empty if there is none.
    """
    known = shown_comparisons(lab, lab.hidden(current_visitor()))
    for each in known:
        runs = lab.store.comparison(each.id).runs
        scored = {run.spec.arm_name for run in runs if run.state is RunState.FINISHED}
        if len(scored) > 1 and not any(run.state is RunState.STOPPED for run in runs):
            return each.id
    return next((each.id for each in known), "")


def shown_comparisons(lab: Lab, hidden: Collection[str]) -> list[ListedComparison]:
    """Returns the newest comparisons, without the included ones that the visitor has `hidden`."""
    return [each for each in lab.store.listed_comparisons(shipped=None) if each.id not in hidden]


def show_comparison(comparison: str) -> None:
    """Selects a comparison for the next script run of the page."""
    st.session_state[Key.COMPARISON_SHOWN] = comparison
    st.session_state.pop(Key.COMPARISON, None)


def write_comparison(record: ComparisonRecord) -> None:
    """Writes the comparison into the address, which becomes a permalink."""
    if st.query_params.get(Key.COMPARISON) != record.id or Key.RUNS in st.query_params:
        st.query_params.pop(Key.RUNS, None)
        st.query_params[Key.COMPARISON] = record.id


def write_runs(records: Sequence[RunRecord]) -> None:
    """Writes the compared runs into the address, which becomes a permalink."""
    st.query_params.pop(Key.COMPARISON, None)
    ids = ",".join(record.id for record in records)
    if st.query_params.get(Key.RUNS, "") == ids:
        return
    if ids:
        st.query_params[Key.RUNS] = ids
    else:
        st.query_params.pop(Key.RUNS, None)


def comparison_picker(
    lab: Lab,
    shown: ComparisonRecord | None,
    records: Sequence[RunRecord],
    compared: Sequence[RunRecord],
) -> None:
    """Draws a popover to choose a comparison, or single runs if none is selected."""
    with st.popover("Choose", icon=":material/checklist:"):
        hidden = lab.hidden(current_visitor())
        if comparisons := shown_comparisons(lab, hidden):
            _comparisons(comparisons, shown)
        if hidden:
            st.button(
                f"Show {counted(len(hidden), 'hidden comparison')} again",
                key=Key.SHOW_HIDDEN,
                type="tertiary",
                on_click=lambda: lab.show_shipped(current_visitor()),
            )
        if shown is None:
            _runs_picker(records, compared)


def _comparisons(comparisons: Sequence[ListedComparison], shown: ComparisonRecord | None) -> None:
    labels = {"": "single runs"} | {each.id: _comparison_label(each) for each in comparisons}
    if shown is not None and shown.id not in labels:
        labels[shown.id] = _comparison_label(shown)
    ids = shown.id if shown else ""
    if st.session_state.get(Key.COMPARISON) != ids:
        st.session_state[Key.COMPARISON] = ids
    st.selectbox(
        "Comparison",
        list(labels),
        index=list(labels).index(ids),  # what the popover shows when it is opened later
        key=Key.COMPARISON,
        format_func=lambda each: labels.get(each, each),
        width=420,
    )


def _comparison_label(record: ListedComparison) -> str:
    origin = "included" if record.shipped else moment(record.created_at)
    return f"{comparison_name(record)} · {origin}"


def _runs_picker(records: Sequence[RunRecord], compared: Sequence[RunRecord]) -> None:
    """Draws the newest runs as options; `compared` are selected."""
    chosen = [record.id for record in compared]
    offered = [each for n, each in enumerate(records) if n < _OFFERED or each.id in chosen]
    labels = {record.id: _label(record) for record in offered}
    if st.session_state.get(Key.RUNS) != chosen:
        st.session_state[Key.RUNS] = chosen
    st.pills(
        f"Runs to compare, at most {MOST}",
        list(labels),
        default=chosen,
        key=Key.RUNS,
        format_func=lambda run: labels.get(run, run),
        selection_mode="multi",
        wrap=True,
    )
    if len(offered) < len(records):
        st.caption(
            f"Lists the newest {_OFFERED} runs. To compare older ones, add their ids to the "
            "address."
        )


def _split(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _unknown(run: str) -> str:
    return f"{shortened(run)} was ignored: no run or comparison has this id."


def _label(record: RunRecord) -> str:
    state = "" if record.state is RunState.FINISHED else f", {STATE_SIGNS[record.state]}"
    name = f"{plan_words(record.spec)}, seed {record.spec.seed}, {moment(record.created_at)}{state}"
    return plain(name)
