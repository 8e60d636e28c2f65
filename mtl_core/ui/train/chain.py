"""Staged training on a run's page: what it goes on from, and going on from it."""

import pandas as pd
import streamlit as st

from mtl_core.analysis.chain import chain_of
from mtl_core.analysis.summary import RunSummary
from mtl_core.analysis.written import written_model
from mtl_core.engine.lab import Lab
from mtl_core.errors import UnknownRun
from mtl_core.report.stages import chain_lines, chain_rows, chain_title
from mtl_core.store.record import RunRecord
from mtl_core.ui.shared.choice import Choice, keep_choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.run_cache import summary_of


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


def go_on_button(record: RunRecord, summary: RunSummary) -> None:
    """What leads from an ended run that has a model to the form for the next stage."""
    if isinstance(written_model(summary), str):
        return
    st.button(
        "Go on from this run",
        key=Key.GO_ON,
        icon=":material/step_over:",
        on_click=_go_on,
        args=(record,),
        help="Choose what learns next, on top of what this run learned. Nothing starts yet.",
    )


def _go_on(record: RunRecord) -> None:
    """The form begins with this run's checkpoint, data and length; the plan stays as chosen."""
    spec = record.spec
    kept: Choice = st.session_state[Key.CHOICE]
    values = spec.model_dump(include={"checkpoint", "data", "max_length"})
    keep_choice(kept.replace(**values, starts_from=record.id, random_backbone=False))
    st.query_params.pop(Key.RUN, None)


def start_line(choice: Choice) -> None:
    """In the form: which run the next one goes on from, with a button that takes it out."""
    if not choice.starts_from:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f":material/step_over: Goes on from **{plain(choice.starts_from)}**: its encoder and "
            "heads",
            width="content",
        )
        st.button(
            "Begin with the checkpoint instead",
            key=Key.FROM_CHECKPOINT,
            type="tertiary",
            icon=":material/close:",
            on_click=_from_checkpoint,
        )


def _from_checkpoint() -> None:
    kept: Choice = st.session_state[Key.CHOICE]
    keep_choice(kept.replace(starts_from=""))


def _summary(lab: Lab, run: str) -> RunSummary | None:
    try:
        return summary_of(lab, lab.store.run(run))
    except UnknownRun:
        return None
