"""The Compare page: the answer, and the table that it is read from."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtl_core.analysis.comparison import Comparison
from mtl_core.charts.loss import loss_sketch
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.report.compare_words import plans_rule
from mtl_core.report.compared import ComparedRuns, facts_of, headline, one_of_each
from mtl_core.report.scores import score_row, score_rules
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.ui.compare.curve import by_examples, by_size_view
from mtl_core.ui.compare.differences import differences_view, plans_side_by_side
from mtl_core.ui.compare.errors import errors_view
from mtl_core.ui.compare.front import front_figures
from mtl_core.ui.compare.inside import inside_view
from mtl_core.ui.compare.losses import loss_bands, loss_overlay
from mtl_core.ui.compare.maps import maps_row
from mtl_core.ui.compare.naming import name_line
from mtl_core.ui.compare.new_comparison import first_comparison, new_comparison
from mtl_core.ui.compare.plans_table import plans_table
from mtl_core.ui.compare.progress import comparison_state
from mtl_core.ui.compare.selection import comparison_picker
from mtl_core.ui.compare.sweep import sweep_view
from mtl_core.ui.shared.choice import Choice
from mtl_core.ui.shared.export_popover import export_popover
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import header, plain
from mtl_core.ui.shared.shot import one_screen, taking_shot

_ROW_HEIGHT = 35


def compare_header(
    lab: Lab,
    choice: Choice,
    shown: ComparedRuns,
    record: ComparisonRecord | None,
    known: Sequence[RunRecord],
) -> None:
    """The answer, the facts that the runs share, a new comparison, the picker, downloads."""
    still_running = any(each.state is RunState.RUNNING for each in shown.records)
    told = [plain(fact) for fact in shown_facts(shown)]
    with header(plain(headline(shown)), told, buttons=1 if taking_shot() else 3):
        if taking_shot():
            return
        if still_running and record is None:
            st.button("Update", key=Key.UPDATE, icon=":material/refresh:")
        new_comparison(choice)
        comparisons = lab.store.comparisons(shipped=None)
        comparison_picker(comparisons, record, known, shown.records)
        if any(each.state is not RunState.WAITING for each in shown.records):
            export_popover(lab, shown.records, record, is_long=True)
    if record is not None:
        name_line(lab, record)
        comparison_state(lab, record)
        sweep_view(lab, record)


def compare_page(lab: Lab, shown: ComparedRuns, colors: Palette) -> None:
    """All below the header. Plans that ran with one seed each keep the table of single runs."""
    if not shown.records:
        return
    facts = " · ".join(shown_facts(shown))
    several = shown.by_plan
    if shown.by_size:
        by_size_view(lab, shown, facts, colors)
    if any(plan.seconds is not None for plan in shown.plans.plans):
        front_figures(lab, shown, facts, colors)
    if several:
        plans_table(shown.plans, plans_rule(shown.plans), colors)
    else:
        comparison_table(shown.comparison, shown.records, colors)
    if one_screen():
        return
    if not any(t.validation_losses for r in shown.comparison.runs for t in r.summary.tasks):
        st.caption("Losses are drawn from the first evaluation on.")
    elif several:
        loss_bands(shown.plans, facts, colors)
    else:
        loss_overlay(shown.comparison, colors)
    if not shown.by_size:
        by_examples(shown, facts, colors)
    maps_row(lab, shown, facts, colors)
    if not taking_shot():
        inside_view(shown, facts, colors)
    errors_view(lab, shown, facts, colors)
    apart = one_of_each(shown)
    if len(apart.runs) > 1 and not taking_shot():
        differences_view(apart)
        plans_side_by_side(lab, apart, colors)


def comparison_table(comparison: Comparison, records: Sequence[RunRecord], colors: Palette) -> None:
    """One row a run, and the rules by which its scores are marked."""
    st.markdown("### Scores and what they cost")
    rows = pd.DataFrame(
        [
            score_row(run, record, comparison)
            for run, record in zip(comparison.runs, records, strict=True)
        ]
    )
    if len(records) < 2:
        rows = rows[[name for name in rows.columns if not name.endswith("against best")]]
    against = [name for name in rows.columns if name.endswith("against best")]
    looks = {"best": "font-weight: 650"}
    styled = rows.style.map(lambda _: "font-weight: 600", subset=["Plan"])
    styled = styled.map(lambda v: looks.get(v, f"color: {colors.muted}"), subset=pd.Index(against))
    left = ("Plan", "Rates", "Frozen, identical", *against)
    st.dataframe(
        styled,
        key=Key.SCORES,
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


def nothing_to_compare(lab: Lab, choice: Choice, colors: Palette, known: int) -> None:
    """The page while fewer than two runs can be compared."""
    have = "One run is here; one more is needed." if known else "Two finished runs are enough."
    header(
        "Nothing to compare yet",
        [f"{have} Three seeds for each plan tell a difference from luck."],
    )
    with st.container(horizontal=True, gap="small"):
        first_comparison(lab, colors)
        new_comparison(choice)
        if st.button("Train one plan", key=Key.TO_TRAIN, type="tertiary"):
            st.switch_page("pages/train.py")
    with st.grid(2, min_column_width=330, gap="medium"):
        for name in ("A · Sentiment", "B · NER"):
            st.plotly_chart(
                loss_sketch(f"{name}: each run's loss, one over the other", colors),
                key=f"sketch_{name[0]}",
                theme=None,
                config={"displayModeBar": False, "staticPlot": True},
            )


def shown_facts(shown: ComparedRuns) -> list[str]:
    """Where the numbers come from."""
    if not shown.records:
        return ["“Choose” lists the comparisons and runs of this store."]
    return facts_of(shown)
