"""Deleting a run, and bringing it back while it is not forgotten."""

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.report.run_words import moment, run_label
from mtl_core.store.record import UNDO, RunRecord
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import header, plain
from mtl_core.ui.shared.undo import UNDO_MINUTES, done, undo_bar, undo_button


def delete_button(lab: Lab, record: RunRecord) -> None:
    """Delete the run with one click: it can be undone, so nobody is asked twice."""
    st.button(
        "Delete",
        key=Key.DELETE,
        icon=":material/delete:",
        on_click=_delete,
        args=(lab, record.id),
        help=f"Hides the run at once. For {UNDO_MINUTES} minutes it can be brought back.",
    )


def undo_line(lab: Lab, asked: str | None) -> None:
    """One line with Undo for the run deleted last on this page; `asked` is the run of the address.

    The address remembers it, so the line stands until the page is left.
    """
    run = st.query_params.get(Key.DELETED)
    gone = lab.store.deleted(run) if run is not None and run != asked else None
    if gone is not None:
        undo_bar(f"**{plain(run_label(gone))}**", lambda: _bring_back(lab, gone.id))


def deleted_header(lab: Lab, gone: RunRecord) -> None:
    """The head of the page of an address whose run was deleted a moment ago."""
    deleted_at = gone.deleted_at or gone.created_at
    with header(
        "This run was deleted",
        [
            plain(run_label(gone)),
            f"deleted {moment(deleted_at)}, forgotten for good at {moment(deleted_at + UNDO)}",
        ],
    ):
        undo_button(lambda: _bring_back(lab, gone.id))


def _delete(lab: Lab, run: str) -> None:
    if done(lambda: lab.delete(run)):
        st.query_params.pop(Key.RUN, None)
        st.query_params[Key.DELETED] = run


def _bring_back(lab: Lab, run: str) -> None:
    if done(lambda: lab.undo_delete(run)):
        st.query_params[Key.RUN] = run
