"""The list of runs: filter them, open one, or delete one."""

from collections.abc import Collection, Mapping, Sequence
from zlib import crc32

import pandas as pd
import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.lessons.claim_runs import comparison_name
from mtl_core.report.run_words import (
    STATE_SIGNS,
    encoder_words,
    plan_words,
    run_label,
    shared_words,
)
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.data_name import full_data_name
from mtl_core.text import counted
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.data_table import data_table
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.run_cache import outcomes_of
from mtl_core.ui.shared.visitor import current_visitor
from mtl_core.ui.train.run_actions import delete_button, used_tags

_ROWS_SHOWN = 9
_PAGE = 200
_MOST_INCLUDED = 5_000
_ENDED = tuple(state for state in RunState if state.is_final)
_MIN_RUNS_TO_FILTER = 2
_FOLLOW_SECONDS = 4.0
_SECONDS = "Seconds"


def listed_runs(lab: Lab) -> list[RunRecord]:
    """The runs of the list, newest first: the active ones, and the newest that have ended.

    Waiting runs are listed apart from those that have ended, so that many of them hide none.
    """
    count = st.session_state.get(Key.RUNS_LISTED, _PAGE)
    ended = lab.store.runs(count, states=_ENDED)
    waiting = lab.store.runs(_PAGE, states=(RunState.WAITING,))
    return sorted(
        (*waiting, *lab.store.running(), *ended), key=lambda run: run.number, reverse=True
    )


def run_list(lab: Lab, records: Sequence[RunRecord], shown: str | None) -> None:
    """Draw the table and the picker; `shown` is the displayed run."""
    if not records:
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="medium"):
        with st.container(gap=None, width="content"):
            st.markdown("## Runs")
            st.caption(
                "Newest first. Select a row to open the run. Scores are those on the test "
                "sentences of its data, or on the validation sentences if there are none."
            )
        _picker(lab, records, shown)
    found = _filtered(records)
    if not found:
        st.caption("No run matches the filter.")
        return
    _table(lab, found, "All runs")
    if sum(each.state.is_final for each in records) >= st.session_state.get(Key.RUNS_LISTED, _PAGE):
        st.button(f"List {_PAGE} more", key=Key.MORE_RUNS, type="tertiary", on_click=_list_more)


def _list_more() -> None:
    st.session_state[Key.RUNS_LISTED] = st.session_state.get(Key.RUNS_LISTED, _PAGE) + _PAGE


def shipped_runs(lab: Lab) -> None:
    """An expander with the runs included in Freeze Lab."""
    hidden = lab.hidden(current_visitor())
    comparisons = [
        each for each in lab.store.listed_comparisons(shipped=True) if each.id not in hidden
    ]
    if not comparisons:
        return
    count = counted(sum(each.spec.run_count for each in comparisons), "run")
    title = f"{count} included with Freeze Lab"
    expander = st.expander(title, key=Key.SHIPPED_RUNS, on_change="rerun")
    if not expander.open:
        return
    with expander:
        st.caption(
            "These runs test the claims of the Guide. Compare groups them by comparison. Select a "
            "row to open the run. Their models are not included."
        )
        names = {each.id: comparison_name(each) for each in comparisons}
        records = lab.store.runs(_MOST_INCLUDED, shipped=True)
        _table(lab, [each for each in records if each.comparison in names], title, names)


def _filtered(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Draw the filter and return the matching runs."""
    if len(records) < _MIN_RUNS_TO_FILTER:
        return list(records)
    tags = used_tags(records)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        words = st.text_input(
            "Filter the runs",
            key=Key.RUNS_FILTER,
            placeholder="Filter by name, tag, plan, checkpoint, data, seed",
            label_visibility="collapsed",
            icon=":material/search:",
            width=330,
        )
        chosen = (
            st.pills(
                "Tags",
                tags,
                selection_mode="multi",
                key=Key.TAGS_FILTER,
                label_visibility="collapsed",
            )
            if tags
            else []
        )
    return _matching(records, words or "", chosen)


def _matching(records: Sequence[RunRecord], words: str, tags: Collection[str]) -> list[RunRecord]:
    """The runs that have every tag and contain every word."""
    terms = words.casefold().split()
    return [
        record
        for record in records
        if set(tags) <= set(record.tags) and all(term in _text(record) for term in terms)
    ]


def _text(record: RunRecord) -> str:
    spec = record.spec
    words = (record.title or "", *record.tags, record.id, record.name, plan_words(spec))
    return " ".join(
        (*words, spec.checkpoint, _data(spec), record.state, f"seed {spec.seed}")
    ).casefold()


def _data(spec: RunSpec) -> str:
    return full_data_name(spec.data, (task.name for task in spec.tasks), spec.data_name)


def _table(
    lab: Lab, records: Sequence[RunRecord], alt: str, names: Mapping[str, str] | None = None
) -> None:
    """Draw the runs as selectable rows; `names` maps a comparison id to its name."""
    rows, scores = _rows(lab, records, names or {})
    data_table(
        rows,
        hide_index=True,
        height="content" if len(records) <= _ROWS_SHOWN else 35 * (_ROWS_SHOWN + 1),
        alt=alt,
        key=_table_key(records),
        selection_mode="single-row",
        on_select=lambda: _open_selected(records),
        placeholder="",
        column_config={
            "Created": st.column_config.DatetimeColumn(format="D MMM YYYY HH:mm"),
            "Seed": st.column_config.NumberColumn(format="%d"),
            "Epochs": st.column_config.NumberColumn(format="%g"),
            "Tags": st.column_config.ListColumn(),
            _SECONDS: st.column_config.NumberColumn(format="%.1f"),
            **{name: st.column_config.NumberColumn(format="%.3f") for name in scores},
        },
    )


def follow_active(lab: Lab) -> None:
    """While a run is waiting or running, rerun the page when one starts, ends or is added."""
    if active := _active(lab):
        st.fragment(_notice_change, run_every=_FOLLOW_SECONDS)(lab, active)


def _notice_change(lab: Lab, drawn: dict[str, RunState]) -> None:
    if _active(lab) != drawn:
        st.rerun()


def _active(lab: Lab) -> dict[str, RunState]:
    return {record.id: record.state for record in lab.store.active()}


def _picker(lab: Lab, records: Sequence[RunRecord], shown: str | None) -> None:
    """The runs as a select box that the keyboard can reach, and the delete button."""
    labels = {record.id: run_label(record) for record in records}
    current = shown if shown in labels else None
    if st.session_state.get(Key.RUN) != current:
        st.session_state[Key.RUN] = current
    with st.container(horizontal=True, gap="small", width="content"):
        st.selectbox(
            "Run",
            list(labels),
            key=Key.RUN,
            index=None,
            format_func=lambda run: labels.get(run, run),
            placeholder="Open a run",
            label_visibility="collapsed",
            on_change=_open_picked,
            width=330,
        )
        record = next((each for each in records if each.id == current), None)
        if record is not None and record.state.is_final and current_visitor().may_change(record):
            delete_button(lab, record)


def _open_picked() -> None:
    _open(st.session_state[Key.RUN])


def _open_selected(records: Sequence[RunRecord]) -> None:
    chosen = st.session_state[_table_key(records)].selection.rows
    if chosen and chosen[0] < len(records):
        _open(records[chosen[0]].id)


def _open(run: str | None) -> None:
    if run is None:
        st.query_params.pop(Key.RUN, None)
    else:
        st.query_params[Key.RUN] = run


def _table_key(records: Sequence[RunRecord]) -> str:
    """A key that changes with the rows, because a selection is stored as a row number."""
    ids = " ".join(record.id for record in records)
    return f"{Key.PAST_RUNS}_{crc32(ids.encode()):08x}"


def _rows(
    lab: Lab, records: Sequence[RunRecord], names: Mapping[str, str]
) -> tuple[pd.DataFrame, list[str]]:
    """One row per run, and the titles of the score columns.

    There is a score column for each task of any run. Names, tags, comparisons and the mark of
    shared seconds have a column only if some run has a value.
    """
    titled, tagged = any(each.title for each in records), any(each.tags for each in records)
    outcomes = outcomes_of(lab, records)
    columns = list(dict.fromkeys(name for outcome in outcomes for name in outcome.scores))
    shared = [
        shared_words(record.spec.trained_together, outcome.beside).strip()
        for record, outcome in zip(records, outcomes, strict=True)
    ]
    table = pd.DataFrame(
        [
            {
                "State": STATE_SIGNS[record.state],
                **({"Name": record.title or ""} if titled else {}),
                "Plan": plan_words(record.spec),
                **({"Comparison": names.get(record.comparison or "", "")} if names else {}),
                "Checkpoint": encoder_words(record.spec),
                "Data": _data(record.spec),
                "Created": record.created_at.astimezone(),
                "Seed": record.spec.seed,
                "Epochs": record.spec.epochs,
                **{name: outcome.scores.get(name) for name in columns},
                _SECONDS: outcome.seconds,
                **({"Shared": mark} if any(shared) else {}),
                **({"Tags": list(record.tags)} if tagged else {}),
            }
            for record, outcome, mark in zip(records, outcomes, shared, strict=True)
        ]
    )
    return table, columns
