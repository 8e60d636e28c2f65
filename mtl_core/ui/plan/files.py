"""Start a plan from a scenario or a file, edit it as text, and export it."""

import re

import streamlit as st

from mtl_core.errors import PlanError
from mtl_core.freezing.plan_file import parse_plan, plan_to_yaml
from mtl_core.freezing.scenarios import scenarios
from mtl_core.freezing.titles import scenario_title
from mtl_core.ui.plan.edits import (
    has_problem,
    note_problem,
    put_plan,
    seed_field,
    show_problem,
    start_from_scenario,
    undo_buttons,
)
from mtl_core.ui.shared.arms import add_arm_button, arm_of_choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import download, plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.shot import shot_links


def starting_point(chosen: ResolvedChoice) -> None:
    """Draw a row with a scenario to start from, Import, Undo, Redo and "Add to comparison"."""
    titles = {each.name: plain(scenario_title(each.name)) for each in scenarios(chosen.model)}
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.selectbox(
            "Start from a scenario",
            list(titles),
            index=None,
            key=Key.START_SCENARIO,
            format_func=lambda name: titles.get(name, name),
            placeholder=f"Start from one of {len(titles)} scenarios",
            label_visibility="collapsed",
            on_change=_start,
            args=(chosen,),
            width=300,
        )
        with st.popover("Import", icon=":material/upload:"):
            _import(chosen)
        undo_buttons(chosen.choice)
        add_arm_button(lambda: arm_of_choice(chosen))


def export_popover(chosen: ResolvedChoice) -> None:
    """Download the plan as a file with all current learning rates, or the page as a picture."""
    stem = re.sub(r"[^\w.-]+", "-", chosen.plan.name).strip("-.") or "plan"
    name, mime = f"{stem[:60]}.plan.yaml", "application/yaml"
    with st.popover("Export", icon=":material/download:"):
        download(
            "Plan as YAML", name, mime, Key.EXPORT_PLAN, make=lambda: plan_to_yaml(chosen.plan)
        )
        shot_links()


def plan_text(chosen: ResolvedChoice) -> None:
    """Draw the plan as editable text. Invalid text stays in the field to be corrected."""
    draft = st.session_state.get(Key.DRAFT)
    seed_field(Key.PLAN_TEXT, draft or plan_to_yaml(chosen.plan))
    st.text_area(
        "Plan as text",
        key=Key.PLAN_TEXT,
        height=330,
        on_change=_use_text,
        args=(chosen,),
        help="The text is updated after every change on this page. You can edit it; the plan is "
        "updated when you leave the field.",
    )
    show_problem(Key.PLAN_TEXT)


def _import(chosen: ResolvedChoice) -> None:
    """Draw a file field. It gets a new key after each upload, so a file can be used twice."""
    key = f"{Key.PLAN_FILE}_{st.session_state.setdefault(Key.PLAN_FILES, 0)}"
    st.file_uploader(
        "Plan file",
        type=["yaml", "yml"],
        key=key,
        on_change=_use_file,
        args=(chosen, key),
        help="The file replaces the current plan. Undo restores it.",
    )
    show_problem(Key.PLAN_FILE)


def _start(chosen: ResolvedChoice) -> None:
    name = st.session_state.get(Key.START_SCENARIO)
    st.session_state[Key.START_SCENARIO] = None
    if isinstance(name, str):
        start_from_scenario(chosen, name)


def _use_file(chosen: ResolvedChoice, key: str) -> None:
    file = st.session_state.get(key)
    if file is None:
        return
    try:
        text = file.getvalue().decode("utf-8")
    except UnicodeDecodeError:
        note_problem(Key.PLAN_FILE, f"{file.name} is not UTF-8 text.")
        return
    _use(chosen, text, file.name, Key.PLAN_FILE)
    if not has_problem(Key.PLAN_FILE):
        st.session_state[Key.PLAN_FILES] += 1


def _use_text(chosen: ResolvedChoice) -> None:
    _use(chosen, st.session_state.get(Key.PLAN_TEXT) or "", "the text", Key.PLAN_TEXT)


def _use(chosen: ResolvedChoice, text: str, source: str, field: Key) -> None:
    try:
        plan = parse_plan(text, source)
    except PlanError as problem:
        note_problem(field, str(problem))
        return
    put_plan(chosen, plan, field)
