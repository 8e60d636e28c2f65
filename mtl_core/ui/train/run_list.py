"""All runs of the store, newest first: find one, open one, delete one."""

from collections.abc import Mapping, Sequence
from zlib import crc32

import pandas as pd
import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.lessons.claim_runs import comparison_name
from mtl_core.report.data_words import full_data_name
from mtl_core.report.run_words import STATE_SIGNS, plan_words, run_label
from mtl_core.store.record import RunRecord, RunState
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.run_cache import outcome_of
from mtl_core.ui.train.delete import delete_button
from mtl_core.ui.train.run_filter import run_filter

_ROWS_SHOWN = 9
_FOLLOW_SECONDS = 4.0
_SECONDS = "Seconds"


def run_list(lab: Lab, records: Sequence[RunRecord], shown: str | None) -> None:
    """Draw the table and the picker; `shown` is the run that the page shows."""
    if not records:
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", gap="medium"):
        with st.container(gap=None, width="content"):
            st.markdown("### Runs")
            st.caption("The newest first. Select a row to open its run.")
        _picker(lab, records, shown)
    found = run_filter(records)
    if not found:
        st.caption("No run matches the filter.")
        return
    _table(lab, found, "All runs")


def shipped_runs(lab: Lab) -> None:
    """A fold with the runs that came with the product, apart from the visitor's own."""
    records = lab.store.runs(shipped=True)
    if not records:
        return
    count = "1 run" if len(records) == 1 else f"{len(records)} runs"
    title = f"{count} that came with Freeze Lab"
    fold = st.expander(title, key=Key.SHIPPED_RUNS, on_change="rerun")
    if not fold.open:
        return
    with fold:
        st.caption(
            "They test the claims of the Guide, and Compare shows them by comparison. Select a row "
            "to open its run; their models are not part of the package."
        )
        names = {each.id: comparison_name(each) for each in lab.store.comparisons(shipped=True)}
        _table(lab, records, title, names)


def _table(
    lab: Lab, records: Sequence[RunRecord], alt: str, names: Mapping[str, str] | None = None
) -> None:
    """The runs as rows, one of which can be selected; `names` are those of their comparisons."""
    rows, scores = _rows(lab, records, names or {})
    st.dataframe(
        rows,
        hide_index=True,
        height="content" if len(records) <= _ROWS_SHOWN else 35 * (_ROWS_SHOWN + 1),
        alt=alt,
        key=_table_key(records),
        selection_mode="single-row",
        on_select=lambda: _open_selected(records),
        placeholder="",
        column_config={
            "Asked for": st.column_config.DatetimeColumn(format="D MMM YYYY HH:mm"),
            "Seed": st.column_config.NumberColumn(format="%d"),
            "Epochs": st.column_config.NumberColumn(format="%g"),
            "Tags": st.column_config.ListColumn(),
            _SECONDS: st.column_config.NumberColumn(format="%.1f"),
            **{name: st.column_config.NumberColumn(format="%.3f") for name in scores},
        },
    )


def follow_active(lab: Lab) -> None:
    """While any run waits or runs, draw the page anew when one begins, ends or is added."""
    if active := _active(lab):
        st.fragment(_notice_change, run_every=_FOLLOW_SECONDS)(lab, active)


def _notice_change(lab: Lab, drawn: dict[str, RunState]) -> None:
    if _active(lab) != drawn:
        st.rerun()


def _active(lab: Lab) -> dict[str, RunState]:
    return {record.id: record.state for record in lab.store.active()}


def _picker(lab: Lab, records: Sequence[RunRecord], shown: str | None) -> None:
    """The same choice as a list that a keyboard reaches, and the delete button."""
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
        if record is not None and record.state.is_final:
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
    """Another key for other rows: a selection by number would else be another run's."""
    ids = " ".join(record.id for record in records)
    return f"{Key.PAST_RUNS}_{crc32(ids.encode()):08x}"


def _rows(
    lab: Lab, records: Sequence[RunRecord], names: Mapping[str, str]
) -> tuple[pd.DataFrame, list[str]]:
    """One row a run, and the titles of the score columns.

    A column for each task that any of them has, empty where a run has it not; for names, tags and
    comparisons only where some run has any.
    """
    titled, tagged = any(each.title for each in records), any(each.tags for each in records)
    outcomes = [outcome_of(lab, record) for record in records]
    columns = list(dict.fromkeys(name for outcome in outcomes for name in outcome.scores))
    table = pd.DataFrame(
        [
            {
                "State": STATE_SIGNS[record.state],
                **({"Name": record.title or ""} if titled else {}),
                "Plan": plan_words(record.spec),
                **({"Comparison": names.get(record.comparison or "", "")} if names else {}),
                "Checkpoint": record.spec.checkpoint,
                "Data": full_data_name(record.spec.data, (task.name for task in record.spec.tasks)),
                "Asked for": record.created_at.astimezone(),
                "Seed": record.spec.seed,
                "Epochs": record.spec.epochs,
                **{name: outcome.scores.get(name) for name in columns},
                _SECONDS: outcome.seconds,
                **({"Tags": list(record.tags)} if tagged else {}),
            }
            for record, outcome in zip(records, outcomes, strict=True)
        ]
    )
    return table, columns
