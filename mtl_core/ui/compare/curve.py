"""Quality against the number of training sentences, where plans were run with several numbers."""

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.curve import example_panels
from mtl_core.report.size_words import size_rows, sizes_rest, sizes_rule, table_title
from mtl_core.ui.compare.baselines import baselines_by_size_now, say_what_is_missing
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.panel_view import panel_view
from mtl_core.ui.shared.words_table import words_table


def by_size_view(lab: Lab, shown: ComparedRuns, facts: str, colors: Palette) -> None:
    """Of a comparison with several numbers of sentences: for each task the curves above their
    table; then, which number all that follows is about."""
    baselines = baselines_by_size_now(lab, shown)
    panels = example_panels(shown, baselines.known)
    tasks = shown.plans.tasks
    if panels:
        with st.grid(min(2, len(tasks)), min_column_width=330, gap="medium"):
            for panel, task in zip(panels, tasks, strict=True):
                with st.container(gap="xsmall"):
                    panel_view(panel, facts, colors, f"compare_{panel.name}")
                    rows = size_rows(shown.by_size, task, ranges=False)
                    key = f"{Key.SIZES_TABLE}_{task.name}"
                    words_table(rows, key, plain(table_title(task)))
        say_what_is_missing(baselines.missing)
        st.caption(plain(sizes_rule(shown.by_size)))
    st.markdown(f"**{plain(sizes_rest(shown.by_size))}**")


def by_examples(shown: ComparedRuns, facts: str, colors: Palette) -> None:
    """A figure for each task of runs chosen one by one; nothing where every plan was run with one
    number of sentences."""
    panels = example_panels(shown, {})
    if not panels:
        return
    with st.grid(min(2, len(panels)), min_column_width=330, gap="medium"):
        for panel in panels:
            with st.container(gap="xsmall"):
                panel_view(panel, facts, colors, f"compare_{panel.name}")
