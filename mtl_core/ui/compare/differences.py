"""The settings in which runs differ, and two plans tensor by tensor."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtl_core.analysis.differences import spec_differences
from mtl_core.analysis.side_by_side import OverPhases, TensorPair, tensor_pairs
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.errors import PlanError
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.freezing.table_text import SIGNS, rate_text, shape_text
from mtl_core.report.compared import LabelledRun
from mtl_core.text import counted
from mtl_core.ui.shared.data_table import data_table
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.run_cache import model_of

_ROW_HEIGHT, _HEADER_HEIGHT, _ROWS_HIGH = 29, 36, 24


def differences_view(runs: Sequence[LabelledRun]) -> None:
    """Draws a table of the spec keys whose values differ."""
    st.markdown("## Differences between the plans")
    found = spec_differences([run.summary.spec for run in runs])
    if not found:
        st.caption("The settings are equal: the same run was repeated.")
        return
    frame = pd.DataFrame(
        [
            {
                "Key": each.key,
                **{
                    run.label: "–" if value is None else value
                    for run, value in zip(runs, each.values, strict=True)
                },
            }
            for each in found
        ]
    )
    data_table(
        frame.style.map(lambda _: "font-weight: 600", subset=["Key"]),
        hide_index=True,
        height="content" if len(found) <= _ROWS_HIGH else _HEADER_HEIGHT + _ROWS_HIGH * _ROW_HEIGHT,
        row_height=_ROW_HEIGHT,
        alt="Settings that differ between the runs",
    )
    st.caption(
        f"{counted(len(found), 'setting')} with different values; all others are equal. –: the "
        "run has no such setting."
    )


def plans_side_by_side(lab: Lab, runs: Sequence[LabelledRun], colors: Palette) -> None:
    """Draws the state and the learning rates of every tensor under two selected plans."""
    st.markdown("## Two plans, tensor by tensor")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        first = _plan_picker("First plan", Key.FIRST_PLAN, runs, 0)
        second = _plan_picker("Second plan", Key.SECOND_PLAN, runs, 1)
        st.session_state.setdefault(Key.ONLY_DIFFERENT, True)
        only = st.toggle("Only tensors whose state or rate differs", key=Key.ONLY_DIFFERENT)
    tables = [_tables(lab, run) for run in (first, second)]
    if not all(tables):
        st.caption("The checkpoint of one of the plans is missing, so its tensors are unknown.")
        return
    pairs = tensor_pairs(*tables)
    differing = [pair for pair in pairs if pair.differs]
    rows = differing if only else pairs
    if rows:
        _pairs_table(rows, first.label, second.label, colors)
    st.caption(plain(_counts(differing, len(pairs), first.label, second.label)))


def _plan_picker(title: str, key: Key, runs: Sequence[LabelledRun], default: int) -> LabelledRun:
    by_label = {run.label: run for run in runs}
    if st.session_state.get(key) not in by_label:
        st.session_state[key] = runs[default].label
    picked = st.selectbox(title, list(by_label), key=key, width=230)
    return by_label.get(picked, runs[default])


def _tables(lab: Lab, run: LabelledRun) -> Sequence[ParameterTable]:
    spec = run.summary.spec
    model = model_of(lab, spec)
    try:
        return parameter_tables(spec.plan, model) if model else ()
    except PlanError:
        return ()


def _pairs_table(rows: Sequence[TensorPair], first: str, second: str, colors: Palette) -> None:
    twins = first == second
    one, two = (f"{first} (1)", f"{second} (2)") if twins else (first, second)
    frame = pd.DataFrame(
        {
            "Parameter": [pair.name for pair in rows],
            "Shape": [shape_text(pair.shape) for pair in rows],
            "Count": [f"{pair.count:,}" for pair in rows],
            one: [_state(pair.first) for pair in rows],
            f"{one}: rate": [_rates(pair.first) for pair in rows],
            two: [_state(pair.second) for pair in rows],
            f"{two}: rate": [_rates(pair.second) for pair in rows],
        }
    )
    styled = frame.style.map(lambda text: _look(text, colors), subset=[one, two])
    right = ("Shape", "Count", f"{one}: rate", f"{two}: rate")
    data_table(
        styled,
        hide_index=True,
        height="content" if len(rows) <= _ROWS_HIGH else _HEADER_HEIGHT + _ROWS_HIGH * _ROW_HEIGHT,
        row_height=_ROW_HEIGHT,
        placeholder="",
        alt="Two plans, tensor by tensor",
        column_config={
            name: st.column_config.TextColumn(
                name,
                width=330 if name == "Parameter" else None,
                alignment="right" if name in right else "left",
            )
            for name in frame.columns
        },
    )


def _look(text: str, colors: Palette) -> str:
    state = next((each for each in State if text.startswith(SIGNS[each])), None)
    return f"color: {colors.states[state].text}" if state else ""


def _state(over: OverPhases | None) -> str:
    if over is None:
        return "not in this model"
    text = f"{SIGNS[over.state]} {over.state}"
    if over.state is not State.TRAINABLE or over.phases[0] == 1:
        return text
    return f"{text} from phase {over.phases[0]}"


def _rates(over: OverPhases | None) -> str:
    return "" if over is None else " then ".join(rate_text(rate) for rate in over.rates)


def _counts(differing: Sequence[TensorPair], tensors: int, first: str, second: str) -> str:
    if not differing:
        return f"{first} and {second} give all {tensors:,} tensors the same state and rate."
    parameters = sum(pair.count for pair in differing)
    only_one = sum(pair.count for pair in differing if _learns(pair.first, pair.second))
    only_two = sum(pair.count for pair in differing if _learns(pair.second, pair.first))
    return (
        f"{len(differing):,} of {tensors:,} tensors differ, {parameters:,} parameters: "
        f"{only_one:,} are trainable only under {first}, {only_two:,} only under {second}, "
        f"{parameters - only_one - only_two:,} have another rate or state."
    )


def _learns(one: OverPhases | None, other: OverPhases | None) -> bool:
    learns = one is not None and one.state is State.TRAINABLE
    return learns and (other is None or other.state is not State.TRAINABLE)
