"""The Compare page: the answer, and the table that it is read from."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtl_core.analysis.comparison import Comparison, answer
from mtl_core.charts.sketch import loss_sketch
from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab
from mtl_core.export.scores import compared, comparison_facts, score_row, score_rules
from mtl_core.lessons.titles import task_title
from mtl_core.store.record import RunRecord, RunState
from mtl_core.ui.compared import runs_picker
from mtl_core.ui.export_bundle import export_popover
from mtl_core.ui.keys import Key
from mtl_core.ui.page import header, plain
from mtl_core.ui.run_cache import summary_of

_ROW_HEIGHT = 35


def comparison_of(lab: Lab, records: Sequence[RunRecord]) -> Comparison:
    """The runs read from the store, each under a name that no other bears."""
    return compared([(record, summary_of(lab, record)) for record in records])


def compare_header(
    lab: Lab, comparison: Comparison, records: Sequence[RunRecord], known: Sequence[RunRecord]
) -> None:
    """The answer, the facts that the runs share, the picker over all `known` runs, downloads."""
    titles = {task.task.name: task_title(task.task.name) for task in comparison.tasks}
    still_running = any(record.state is RunState.RUNNING for record in records)
    with header(
        plain(answer(comparison, titles)),
        [plain(fact) for fact in _facts(comparison, records)],
        buttons=3 if still_running else 2,
    ):
        if still_running:
            st.button("Update", key=Key.UPDATE, icon=":material/refresh:")
        runs_picker(known, records)
        if records:
            export_popover(lab, records)


def comparison_table(comparison: Comparison, records: Sequence[RunRecord], colors: Palette) -> None:
    """One row a run, and the rules by which its scores are marked."""
    st.markdown("### Scores and what they cost")
    rows = pd.DataFrame(
        [
            score_row(run, record, comparison)
            for run, record in zip(comparison.runs, records, strict=True)
        ]
    )
    against = [name for name in rows.columns if name.endswith("against best")]
    looks = {"best": "font-weight: 650"}
    styled = rows.style.map(lambda _: "font-weight: 600", subset=["Plan"])
    styled = styled.map(lambda v: looks.get(v, f"color: {colors.muted}"), subset=pd.Index(against))
    left = ("Plan", "Rates", "Frozen, identical", *against)
    st.dataframe(
        styled,
        key=Key.COMPARISON,
        hide_index=True,
        height="content",
        row_height=_ROW_HEIGHT,
        placeholder="",
        alt="The runs compared",
        column_config={
            name: st.column_config.TextColumn(name, alignment="left" if name in left else "right")
            for name in rows.columns
        },
    )
    st.caption(score_rules(comparison))


def nothing_to_compare(colors: Palette, known: int) -> None:
    """The page while fewer than two runs can be compared."""
    have = "One run is here; one more is needed." if known else "Two finished runs are enough."
    header(
        "Nothing to compare yet",
        [f"{have} Runs that differ only in the plan answer what freezing does."],
    )
    if st.button(
        "Train a plan on the sample: about a minute",
        key=Key.TO_TRAIN,
        icon=":material/play_arrow:",
        type="secondary" if colors is DARK else "primary",
    ):
        st.switch_page("pages/train.py")
    with st.grid(2, min_column_width=330, gap="medium"):
        for name in ("A · Sentiment", "B · NER"):
            st.plotly_chart(
                loss_sketch(f"{name}: each run's loss, one over the other", colors),
                key=f"sketch_{name[0]}",
                theme=None,
                config={"displayModeBar": False, "staticPlot": True},
            )


def _facts(comparison: Comparison, records: Sequence[RunRecord]) -> list[str]:
    if not records:
        return ["“Choose runs” lists those of this store."]
    return comparison_facts(comparison, records)
