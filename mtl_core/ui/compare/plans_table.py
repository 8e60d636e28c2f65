"""The table of plans: scores as bars, verdicts against the best, costs and the proof."""

from typing import Any

import pandas as pd
import streamlit as st

from mtl_core.analysis.plans import PlanComparison, PlanResult
from mtl_core.charts.theme import Palette
from mtl_core.report.against import against_words
from mtl_core.report.baselines import BaselinesByTask, baseline_lines
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.seconds import duration_lines, seconds_words
from mtl_core.report.table import (
    TRIALS_COMMAND,
    error_rate_words,
    finished_seeds,
    frozen_words,
    judged_words,
    score_lines,
    setting_lines,
    share_words,
    sorted_plans,
    table_rule,
    table_title,
    verdict_words,
)
from mtl_core.ui.guide.decisions import decisions_link
from mtl_core.ui.shared.data_table import data_table
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.shot import one_screen, taking_shot

_ROW_HEIGHT = 35
_AGAINST = "against "
_AGAINST_BEST = f"{_AGAINST}best"
_REFERENCE_WIDTH = 320


def plans_table(shown: ComparedRuns, baselines: BaselinesByTask, colors: Palette) -> None:
    """Draws one row per plan, the best first, above the rule of the test and its error rate.

    A picture of one screen has no room for the error rate and the split.
    """
    comparison = shown.plans
    st.markdown(f"## {plain(table_title(comparison))}")
    if not one_screen():
        _reference_picker(comparison)
    rows = pd.DataFrame(
        [
            _row(plan, comparison, colors) | _against_reference(plan, shown, colors)
            for plan in sorted_plans(comparison)
        ]
    )
    against = [name for name in rows.columns if _AGAINST in name]
    styled = rows.style.map(lambda _: "font-weight: 600", subset=["Plan"])
    if against:
        styled = styled.map(lambda text: _style(text, colors), subset=pd.Index(against))
    data_table(
        styled,
        key=Key.PLANS_TABLE,
        hide_index=True,
        height="content",
        row_height=_ROW_HEIGHT,
        placeholder="",
        alt="The plans compared",
        column_config=_columns(rows, comparison, colors),
    )
    if one_screen():
        st.caption(table_rule(comparison))
        return
    lines = (
        *score_lines(comparison, baselines),
        *duration_lines(comparison),
        *setting_lines(shown),
    )
    if lines:
        st.caption("\n".join(f"- {plain(line)}" for line in lines))
    rule = (table_rule(comparison), "Peak MB: of the whole process.", judged_words(comparison))
    st.caption(" ".join(filter(None, rule)))
    if of_baselines := baseline_lines(comparison, baselines):
        with st.expander("Compared with the baselines"):
            st.caption("\n".join(f"- {plain(line)}" for line in of_baselines))
    errors = error_rate_words(comparison)
    if errors and not taking_shot():
        with st.expander("How often this test is wrong"):
            st.caption(f"{errors} Repeat the trials: `{TRIALS_COMMAND}`.")
    if len(comparison.plans) > 1 and not taking_shot():
        decisions_link()


def _reference_picker(comparison: PlanComparison) -> None:
    """Draws the choice of a plan to compare the others with."""
    labels = [plan.label for plan in comparison.plans]
    if len(labels) < 2:
        return
    if st.session_state.get(Key.REFERENCE) not in labels:
        st.session_state[Key.REFERENCE] = None
    st.selectbox(
        "Also compare with",
        labels,
        index=None,
        key=Key.REFERENCE,
        placeholder="the best plan only",
        width=_REFERENCE_WIDTH,
        help="Shows whether each plan is above this one, below it, equivalent or undecided. The "
        "intervals of all pairs of plans hold together.",
    )


def _against_reference(plan: PlanResult, shown: ComparedRuns, colors: Palette) -> dict[str, str]:
    if shown.reference is None:
        return {}
    return {
        f"{colors.task(number).letter} {_AGAINST}{shown.reference}": against_words(
            shown.against.get(task.name, {}).get(plan.label)
        )
        for number, task in enumerate(shown.plans.tasks)
    }


def _row(plan: PlanResult, comparison: PlanComparison, colors: Palette) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    for number, task in enumerate(comparison.tasks):
        letter, result = colors.task(number).letter, plan.tasks.get(task.name)
        scores[f"{letter} {task.metric}"] = result.mean if result else None
        if len(comparison.plans) > 1:
            scores[f"{letter} {_AGAINST_BEST}"] = verdict_words(result)
    return {
        "Plan": plan.label,
        **scores,
        "Seconds": seconds_words(plan, comparison),
        "Trainable": "" if plan.trainable is None else f"{plan.trainable:,}",
        "Share": share_words(plan),
        "Peak MB": "" if plan.peak_memory_bytes is None else f"{plan.peak_memory_bytes / 1e6:,.0f}",
        "Frozen tensors": frozen_words(plan),
        **_seeds(plan, comparison),
    }


def _seeds(plan: PlanResult, comparison: PlanComparison) -> dict[str, str]:
    """An additional column until every plan has finished every seed."""
    total = len(comparison.seeds)
    if all(finished_seeds(each) == total for each in comparison.plans):
        return {}
    return {"Seeds": f"{finished_seeds(plan)} of {total}"}


def _columns(rows: pd.DataFrame, comparison: PlanComparison, colors: Palette) -> dict[str, Any]:
    left = ("Plan", "Frozen tensors")
    columns: dict[str, Any] = {
        name: st.column_config.TextColumn(
            name,
            alignment="left" if name in left or _AGAINST in name else "right",
        )
        for name in rows.columns
    }
    for number, task in enumerate(comparison.tasks):
        style = colors.task(number)
        name = f"{style.letter} {task.metric}"
        columns[name] = st.column_config.ProgressColumn(
            name, format="%.3f", min_value=0.0, max_value=1.0, color=style.color
        )
    return columns


def _style(text: str, colors: Palette) -> str:
    return "font-weight: 650" if text == "best" else f"color: {colors.muted}"
