"""What the user calls a run: its title and tags, shown and edited."""

from collections.abc import Iterable

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.store.naming import MOST_TAGS, TITLE_LENGTH
from mtl_core.store.record import RunRecord
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain


def name_line(lab: Lab, record: RunRecord) -> None:
    """The run's title and tags in one line, with the popover that edits them and the way to the
    comparison that it is a part of."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if record.title:
            st.markdown(f"**{plain(record.title)}**", width="content")
        if record.shipped:
            st.badge("came with Freeze Lab", color="gray")
        for tag in record.tags:
            st.badge(plain(tag), color="gray")
        with st.popover("Name and tags", icon=":material/label:", type="tertiary"):
            _form(lab, record)
        if record.comparison is not None and st.button(
            "See its comparison",
            key=Key.SEE_COMPARISON,
            icon=":material/bar_chart:",
            type="tertiary",
        ):
            st.session_state.pop(Key.COMPARISON_SHOWN, None)  # else the one seen before wins
            st.switch_page(
                "pages/compare.py", query_params={str(Key.COMPARISON): record.comparison}
            )


def used_tags(records: Iterable[RunRecord]) -> list[str]:
    """Every tag of the runs, in alphabetical order, once."""
    return sorted({tag for record in records for tag in record.tags}, key=str.casefold)


def _form(lab: Lab, record: RunRecord) -> None:
    title, tags = (f"{key}_{record.id}" for key in (Key.RUN_TITLE, Key.RUN_TAGS))
    with st.form(f"naming_{record.id}", border=False):
        st.text_input(
            "Name",
            value=record.title or "",
            max_chars=TITLE_LENGTH,
            key=title,
            placeholder="What this run is to you",
        )
        st.text_input(
            "Tags",
            value=", ".join(record.tags),
            key=tags,
            placeholder="thesis, baseline",
            help=f"At most {MOST_TAGS}, with commas between them.",
        )
        if used := used_tags(lab.store.runs()):
            st.caption(f"In use: {plain(', '.join(used))}")
        st.form_submit_button(
            "Save", key=Key.SAVE_NAME, on_click=_save, args=(lab, record.id, title, tags)
        )


def _save(lab: Lab, run: str, title: str, tags: str) -> None:
    try:
        lab.name_run(run, st.session_state[title], st.session_state[tags].split(","))
    except BadInput as problem:
        st.toast(plain(str(problem)))
