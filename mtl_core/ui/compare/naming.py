"""The name of a stored comparison, with the buttons to rename, delete and restore it."""

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.lessons.claim_runs import comparison_name, experiment_of
from mtl_core.store.record import TITLE_LENGTH, ComparisonRecord
from mtl_core.ui.compare.new_comparison import first_comparison
from mtl_core.ui.compare.selection import show_comparison
from mtl_core.ui.freeze.landing import is_first_visit
from mtl_core.ui.guide.chapters import CLAIMS_PART
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import current_palette, plain
from mtl_core.ui.shared.undo import UNDO_MINUTES, try_action, undo_bar
from mtl_core.ui.shared.visitor import current_visitor


def name_line(lab: Lab, record: ComparisonRecord) -> None:
    """Draws the comparison's name with the buttons to rename and delete it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(comparison_name(record))}**", width="content")
        if record.shipped:
            st.badge("included with Freeze Lab", color="gray")
        if experiment_of(record) is not None:
            st.page_link(
                "pages/guide.py",
                label="Tests claims of the Guide",
                query_params={str(Key.GUIDE_PART): CLAIMS_PART},
            )
        if record.shipped:
            _hide_button(lab, record)
        elif current_visitor().may_change(record):
            with st.popover("Rename", icon=":material/edit:", type="tertiary"):
                _form(lab, record)
            _delete_button(lab, record)
        if record.shipped and is_first_visit(lab):
            first_comparison(lab, current_palette(), "Start your own")


def _hide_button(lab: Lab, record: ComparisonRecord) -> None:
    st.button(
        "Hide",
        key=Key.DELETE_COMPARISON,
        icon=":material/visibility_off:",
        type="tertiary",
        on_click=_hide,
        args=(lab, record.id),
        help="Hides this comparison and its runs from you. Other visitors still see it. You can "
        "show it again under “Choose”.",
    )


def _delete_button(lab: Lab, record: ComparisonRecord) -> None:
    st.button(
        "Delete",
        key=Key.DELETE_COMPARISON,
        icon=":material/delete:",
        type="tertiary",
        on_click=_delete,
        args=(lab, record.id),
        disabled=not record.ended,
        help=f"Deletes the comparison and its runs. You can undo this for {UNDO_MINUTES} minutes."
        if record.ended
        else "Stop it first: an active comparison cannot be deleted.",
    )


def undo_line(lab: Lab) -> None:
    """Draws a line with Undo for the comparison that was deleted last.

    Its id is in the address, so the line remains until the visitor leaves the page.
    """
    requested = st.query_params.get(Key.DELETED)
    gone = lab.store.deleted_comparison(requested) if requested is not None else None
    if gone is not None:
        runs = "run" if len(gone.runs) == 1 else f"{len(gone.runs)} runs"
        what = f"**{plain(comparison_name(gone))}** and its {runs}"
        undo_bar(what, lambda: _restore(lab, gone.id))


def _form(lab: Lab, record: ComparisonRecord) -> None:
    key = f"{Key.COMPARISON_TITLE}_{record.id}"
    with st.form(f"naming_{record.id}", border=False):
        st.text_input(
            "Name",
            value=record.name,
            max_chars=TITLE_LENGTH,
            key=key,
            help="An empty name resets it to the names of its plans.",
        )
        if experiment_of(record) is not None:
            st.caption(
                "The Guide finds this comparison by its name: with another name its runs are not "
                "used for any claim."
            )
        st.form_submit_button(
            "Save", key=Key.SAVE_COMPARISON_TITLE, on_click=_save, args=(lab, record.id, key)
        )


def _save(lab: Lab, comparison: str, key: str) -> None:
    name = st.session_state[key]
    try_action(lambda: lab.name_comparison(comparison, name, current_visitor()))


def _delete(lab: Lab, comparison: str) -> None:
    if try_action(lambda: lab.delete_comparison(comparison, current_visitor())):
        _show_newest()
        st.query_params[Key.DELETED] = comparison


def _hide(lab: Lab, comparison: str) -> None:
    lab.hide_shipped(comparison, current_visitor())
    _show_newest()


def _show_newest() -> None:
    st.query_params.pop(Key.COMPARISON, None)
    for key in (Key.COMPARISON_SHOWN, Key.COMPARISON, Key.COMPARED, Key.RUNS):
        st.session_state.pop(key, None)  # the page then selects the newest one


def _restore(lab: Lab, comparison: str) -> None:
    if try_action(lambda: lab.undo_delete_comparison(comparison, current_visitor())):
        show_comparison(comparison)
