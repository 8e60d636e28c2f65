"""Which of the runs the table shows: by words and by tags."""

from collections.abc import Collection, Sequence

import streamlit as st

from mtl_core.report.run_words import plan_words
from mtl_core.store.record import RunRecord
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.train.naming import used_tags

_FEWEST = 2  # runs from which a filter is worth its place


def run_filter(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Draw the filter; the runs that pass it."""
    if len(records) < _FEWEST:
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
    return matching(records, words or "", chosen)


def matching(records: Sequence[RunRecord], words: str, tags: Collection[str]) -> list[RunRecord]:
    """The runs that bear every tag and, somewhere in what tells them apart, every word."""
    wanted = words.casefold().split()
    return [
        record
        for record in records
        if set(tags) <= set(record.tags) and all(word in _text(record) for word in wanted)
    ]


def _text(record: RunRecord) -> str:
    spec = record.spec
    words = (record.title or "", *record.tags, record.id, record.name, plan_words(spec))
    return " ".join(
        (*words, spec.checkpoint, spec.data, record.state, f"seed {spec.seed}")
    ).casefold()
