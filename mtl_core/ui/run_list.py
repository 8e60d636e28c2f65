"""All runs of the store, newest first: open one, delete one."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.store.record import RunRecord
from mtl_core.ui.keys import Key
from mtl_core.ui.page import plain
from mtl_core.ui.run_cache import outcome_of
from mtl_core.ui.run_words import STATE_SIGNS, moment, plan_words

_ROWS_SHOWN = 9
_FIRST_SCORE = 6  # of the columns


def run_list(lab: Lab, records: Sequence[RunRecord], shown: str | None) -> None:
    """Draw the table and the picker; `shown` is the run that the page shows."""
    if not records:
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="medium"):
        with st.container(gap=None, width="content"):
            st.markdown("### Runs")
            st.caption("The newest first. Select a row to open its run.")
        _picker(lab, records, shown)
    rows = _rows(lab, records)
    st.dataframe(
        rows,
        hide_index=True,
        height="content" if len(records) <= _ROWS_SHOWN else 35 * (_ROWS_SHOWN + 1),
        alt="All runs",
        key=f"{Key.PAST_RUNS}_{records[0].id}",  # a new first row: the old selection is another run
        selection_mode="single-row",
        on_select=lambda: _open_selected(records),
        placeholder="",
        column_config={
            "Asked for": st.column_config.DatetimeColumn(format="D MMM YYYY HH:mm"),
            "Seed": st.column_config.NumberColumn(format="%d"),
            "Seconds": st.column_config.NumberColumn(format="%.1f"),
            **{
                name: st.column_config.NumberColumn(format="%.3f")
                for name in rows.columns[_FIRST_SCORE:-1]
            },
        },
    )


def _picker(lab: Lab, records: Sequence[RunRecord], shown: str | None) -> None:
    """The same choice as a list that a keyboard reaches, and the delete button."""
    labels = {record.id: _label(record) for record in records}
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
        if record is not None and record.state.is_final:
            _delete_button(lab, record)


def _delete_button(lab: Lab, record: RunRecord) -> None:
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(f"Forget **{plain(_label(record))}**, its events and its trained model?")
        st.button("Delete this run", key=Key.DELETE, on_click=_delete, args=(lab, record.id))


def _delete(lab: Lab, run: str) -> None:
    try:
        lab.delete(run)
    except BadInput as problem:
        st.toast(plain(str(problem)))
        return
    st.query_params.pop(Key.RUN, None)
    st.toast("The run is deleted.")


def _open_picked() -> None:
    _open(st.session_state[Key.RUN])


def _open_selected(records: Sequence[RunRecord]) -> None:
    chosen = st.session_state[f"{Key.PAST_RUNS}_{records[0].id}"].selection.rows
    if chosen and chosen[0] < len(records):
        _open(records[chosen[0]].id)


def _open(run: str | None) -> None:
    if run is None:
        st.query_params.pop(Key.RUN, None)
    else:
        st.query_params[Key.RUN] = run


def _label(record: RunRecord) -> str:
    return f"{plan_words(record.spec)}, {record.spec.checkpoint}, {moment(record.created_at)}"


def _rows(lab: Lab, records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run; a column for each task that any of them has, empty where a run has it not."""
    outcomes = [outcome_of(lab, record) for record in records]
    columns = list(dict.fromkeys(name for outcome in outcomes for name in outcome.scores))
    return pd.DataFrame(
        [
            {
                "State": STATE_SIGNS[record.state],
                "Plan": plan_words(record.spec),
                "Checkpoint": record.spec.checkpoint,
                "Data": record.spec.data,
                "Asked for": record.created_at.astimezone(),
                "Seed": record.spec.seed,
                **{name: outcome.scores.get(name) for name in columns},
                "Seconds": outcome.seconds,
            }
            for record, outcome in zip(records, outcomes, strict=True)
        ]
    )
