"""Staged training on a run's page: what it goes on from, and going on from it."""

import pandas as pd
import streamlit as st

from mtl_core.analysis.chain import chain_of
from mtl_core.analysis.summary import RunSummary
from mtl_core.engine.lab import Lab
from mtl_core.errors import UnknownRun
from mtl_core.lessons.chain_words import chain_lines, chain_rows, chain_title
from mtl_core.ui.page import plain
from mtl_core.ui.run_cache import summary_of


def chain_table(lab: Lab, summary: RunSummary) -> None:
    """Draw the stages of a run that goes on from another one; nothing for any other."""
    if summary.spec.starts_from is None:
        return
    chain = chain_of(summary, lambda run: _summary(lab, run))
    with st.container(gap="xsmall"):
        st.markdown(f"### {plain(chain_title(chain))}")
        st.dataframe(
            pd.DataFrame(chain_rows(chain)),
            hide_index=True,
            height="content",
            alt="The stages that led to this run",
        )
        for line in chain_lines(chain):
            st.markdown(f":small[{plain(line)}]")


def _summary(lab: Lab, run: str) -> RunSummary | None:
    try:
        return summary_of(lab, lab.store.run(run))
    except UnknownRun:
        return None
