"""The Compare page: the finding as its title, and the sections of the report below it."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from mtl_core.charts.loss import loss_sketch
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.report.compared import ComparedRuns, facts_of
from mtl_core.report.finding import headline
from mtl_core.report.load import Report
from mtl_core.report.sections import Place, topics_of
from mtl_core.report.sweep import SWEEP_CAPTION, rate_sweeps, sweep_row, sweep_title
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.ui.compare.differences import differences_view, plans_side_by_side
from mtl_core.ui.compare.errors import errors_view
from mtl_core.ui.compare.forgetting import elsewhere_tables, forgotten_table
from mtl_core.ui.compare.losses import loss_bands, loss_overlay
from mtl_core.ui.compare.maps import maps_row
from mtl_core.ui.compare.movement import movement_view
from mtl_core.ui.compare.naming import name_line
from mtl_core.ui.compare.new_comparison import (
    collected_comparison,
    first_comparison,
    new_comparison,
)
from mtl_core.ui.compare.plans_table import plans_table
from mtl_core.ui.compare.progress import comparison_state, more_seeds_button
from mtl_core.ui.compare.quality import curve_view, front_view, known_baselines
from mtl_core.ui.compare.section_view import section_view
from mtl_core.ui.compare.selection import comparison_picker
from mtl_core.ui.shared.chart import chart
from mtl_core.ui.shared.choice import Choice
from mtl_core.ui.shared.export_popover import export_popover
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import header, plain
from mtl_core.ui.shared.run_cache import summary_of
from mtl_core.ui.shared.shot import one_screen, taking_shot
from mtl_core.ui.shared.words_table import words_table

View = Callable[[Lab, Report, str, Palette], None]
"""Draws a topic; the text is the facts that a saved picture of a figure contains."""

_ON_ONE_SCREEN = ("curve", "front", "table")
_NOT_IN_PICTURES = ("stages", "inside", "differences")


def compare_header(
    lab: Lab,
    choice: Choice,
    report: Report,
    record: ComparisonRecord | None,
    known: Sequence[RunRecord],
) -> None:
    """Draws the finding, the facts that the runs share, and the buttons of the page."""
    shown = report.compared
    is_running = any(each.state is RunState.RUNNING for each in shown.records)
    facts = [plain(fact) for fact in shown_facts(shown)]
    title = headline(shown, known_baselines(lab, shown))
    with header(plain(title), facts, buttons=1 if taking_shot() else 3):
        if taking_shot():
            return
        if is_running and record is None:
            st.button("Update", key=Key.UPDATE, icon=":material/refresh:")
        new_comparison(choice)
        comparison_picker(lab, record, known, shown.records)
        if any(each.state is not RunState.WAITING for each in shown.records):
            export_popover(lab, shown.records, record, shown.reference, is_long=True)
    if not taking_shot():
        collected_comparison(choice)
    if record is not None:
        name_line(lab, record)
        comparison_state(lab, record)
        more_seeds_button(record, shown.plans)
        _sweep(lab, record)


def compare_page(lab: Lab, report: Report, colors: Palette) -> None:
    """Draws the sections below the header."""
    if not report.runs:
        return
    facts = " · ".join(shown_facts(report.compared))
    for topic in topics_of(report, Place.PAGE):
        if one_screen() and topic.name not in _ON_ONE_SCREEN:
            continue
        if taking_shot() and topic.name in _NOT_IN_PICTURES:
            continue
        view = _VIEWS.get(topic.name)
        if view is None:
            section_view(topic, report, facts, colors)
        else:
            view(lab, report, facts, colors)


def nothing_to_compare(lab: Lab, choice: Choice, colors: Palette, known: int) -> None:
    """Draws the page while fewer than two runs can be compared."""
    have = "There is one run; one more is needed." if known else "Two finished runs are enough."
    header(
        "Nothing to compare yet",
        [f"{have} Three seeds for each plan allow a test."],
    )
    with st.container(horizontal=True, gap="small"):
        first_comparison(lab, colors)
        new_comparison(choice)
        if st.button("Train one plan", key=Key.TO_TRAIN, type="tertiary"):
            st.switch_page("pages/train.py")
    collected_comparison(choice)
    with st.grid(2, min_column_width=330, gap="medium"):
        for name in ("A · Sentiment", "B · NER"):
            title = f"{name}: the loss of each run in one figure"
            chart(loss_sketch(title, colors), title, f"sketch_{name[0]}")


def shown_facts(shown: ComparedRuns) -> list[str]:
    """Lists the facts that the runs share, or how to choose runs if there are none."""
    if not shown.records:
        return ["“Choose” lists the stored comparisons and runs."]
    return facts_of(shown)


def _sweep(lab: Lab, record: ComparisonRecord) -> None:
    """Draws the learning rate sweep in an expander, initially closed."""
    sweeps = rate_sweeps(record, lambda run: summary_of(lab, run))
    if not sweeps:
        return
    with st.expander(plain(sweep_title(sweeps)), key=Key.TRIED_RATES):
        rows = [sweep_row(each) for each in sweeps]
        words_table(rows, Key.TRIED_TABLE, "Learning rate sweep")
        st.caption(SWEEP_CAPTION)


def _table(lab: Lab, report: Report, _facts: str, colors: Palette) -> None:
    shown = report.compared
    plans_table(shown, known_baselines(lab, shown), colors)


def _losses(_lab: Lab, report: Report, facts: str, colors: Palette) -> None:
    shown = report.compared
    if not any(task.validation_losses for run in shown.runs for task in run.summary.tasks):
        st.caption("Losses are shown after the first evaluation.")
    elif shown.by_plan:
        loss_bands(shown.plans, facts, colors)
    else:
        loss_overlay(shown, facts, colors)


def _differences(lab: Lab, report: Report, _facts: str, colors: Palette) -> None:
    runs = report.compared.one_of_each
    if len(runs) > 1:
        differences_view(runs)
        plans_side_by_side(lab, runs, colors)


_VIEWS: Mapping[str, View] = {
    "curve": curve_view,
    "front": front_view,
    "table": _table,
    "losses": _losses,
    "maps": maps_row,
    "forgetting": forgotten_table,
    "other-data": elsewhere_tables,
    "inside": movement_view,
    "errors": errors_view,
    "differences": _differences,
}
