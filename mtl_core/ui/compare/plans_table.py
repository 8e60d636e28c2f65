"""The table of plans over seeds: scores, what can be told apart, and what each plan costs."""

from typing import Any

import pandas as pd
import streamlit as st

from mtl_core.analysis.plans import PlanComparison, PlanResult
from mtl_core.charts.theme import Palette
from mtl_core.report.against_itself import REPEATED_BY, against_itself_words
from mtl_core.report.compare_words import (
    against_words,
    finished_seeds,
    frozen_words,
    metric_name,
    sorted_plans,
    table_words,
)
from mtl_core.report.run_words import share
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.shot import one_screen

_ROW_HEIGHT = 35


def plans_table(comparison: PlanComparison, rule: str, colors: Palette) -> None:
    """One row a plan, the best first, and the `rule` by which plans are told apart, with how often
    it is wrong; a picture of one screen has no room for that."""
    st.markdown(f"### {plain(table_words(comparison))}")
    rows = pd.DataFrame([_row(plan, comparison, colors) for plan in sorted_plans(comparison)])
    against = [name for name in rows.columns if name.endswith("against best")]
    styled = rows.style.map(lambda _: "font-weight: 600", subset=["Plan"])
    if against:
        styled = styled.map(lambda text: _look(text, colors), subset=pd.Index(against))
    st.dataframe(
        styled,
        key=Key.PLANS_TABLE,
        hide_index=True,
        height="content",
        row_height=_ROW_HEIGHT,
        placeholder="",
        alt="The plans compared",
        column_config=_columns(rows, comparison, colors),
    )
    wrong = "" if one_screen() else against_itself_words(comparison)
    st.caption(f"{rule} {wrong} Repeat the trials: `{REPEATED_BY}`." if wrong else rule)


def _row(plan: PlanResult, comparison: PlanComparison, colors: Palette) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    for number, task in enumerate(comparison.tasks):
        letter, result = colors.task(number).letter, plan.tasks.get(task.name)
        scores[f"{letter} {metric_name(task)}"] = result.mean if result else None
        if len(comparison.plans) > 1:
            scores[f"{letter} against best"] = against_words(result)
    known = plan.trainable is not None and plan.total
    return {
        "Plan": plan.label,
        **scores,
        "Seconds": "" if plan.seconds is None else f"{plan.seconds:,.1f}",
        "Learn": "" if plan.trainable is None else f"{plan.trainable:,}",
        "Share": share((plan.trainable or 0) / (plan.total or 1)) if known else "",
        "Peak MB": "" if plan.peak_memory_bytes is None else f"{plan.peak_memory_bytes / 1e6:,.0f}",
        "Frozen part": frozen_words(plan),
        **_seeds(plan, comparison),
    }


def _seeds(plan: PlanResult, comparison: PlanComparison) -> dict[str, str]:
    """A column more while not every plan has finished every seed."""
    of = len(comparison.seeds)
    counts = [finished_seeds(each) for each in comparison.plans]
    some = f"{finished_seeds(plan)} of {of}"
    return {} if all(count == of for count in counts) else {"Seeds": some}


def _columns(rows: pd.DataFrame, comparison: PlanComparison, colors: Palette) -> dict[str, Any]:
    left = ("Plan", "Frozen part")
    columns: dict[str, Any] = {
        name: st.column_config.TextColumn(
            name,
            alignment="left" if name in left or name.endswith("against best") else "right",
        )
        for name in rows.columns
    }
    for number, task in enumerate(comparison.tasks):
        style = colors.task(number)
        name = f"{style.letter} {metric_name(task)}"
        columns[name] = st.column_config.ProgressColumn(
            name, format="%.3f", min_value=0.0, max_value=1.0, color=style.color
        )
    return columns


def _look(text: str, colors: Palette) -> str:
    return "font-weight: 650" if text == "best" else f"color: {colors.muted}"
