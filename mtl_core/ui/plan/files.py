"""Where a plan of one's own comes from and goes to: a scenario, a file, its text."""

import re

import streamlit as st

from mtl_core.errors import PlanError
from mtl_core.freezing.plan_file import parse_plan, plan_to_yaml
from mtl_core.freezing.scenarios import scenarios
from mtl_core.freezing.titles import scenario_title
from mtl_core.ui.plan.edits import (
    begin_from,
    has_problem,
    note_problem,
    put_plan,
    seed_field,
    show_problem,
    undo_buttons,
)
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import download, plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.shot import shot_links


def where_to_begin(chosen: ResolvedChoice) -> None:
    """A scenario to begin from, a file to begin from, and the way back."""
    titles = {each.name: plain(scenario_title(each)) for each in scenarios(chosen.model)}
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.selectbox(
            "Begin from a scenario",
            list(titles),
            index=None,
            key=Key.BEGIN_FROM,
            format_func=lambda name: titles.get(name, name),
            placeholder=f"Begin from one of {len(titles)} scenarios",
            label_visibility="collapsed",
            on_change=_begin,
            args=(chosen,),
            width=300,
        )
        with st.popover("Import", icon=":material/upload:"):
            _import(chosen)
        undo_buttons(chosen.choice)


def export_popover(chosen: ResolvedChoice) -> None:
    """The plan as a file, with every rate that holds now, and the page as a picture."""
    stem = re.sub(r"[^\w.-]+", "-", chosen.plan.name).strip("-.") or "plan"
    name, mime = f"{stem[:60]}.plan.yaml", "application/yaml"
    with st.popover("Export", icon=":material/download:"):
        download(
            "Plan as YAML", name, mime, Key.EXPORT_PLAN, make=lambda: plan_to_yaml(chosen.plan)
        )
        shot_links()


def plan_text(chosen: ResolvedChoice) -> None:
    """The plan as text: it follows every click, and what is written here becomes the plan. A text
    that could not be used stays, to be mended."""
    draft = st.session_state.get(Key.DRAFT)
    seed_field(Key.PLAN_TEXT, draft or plan_to_yaml(chosen.plan))
    st.text_area(
        "The plan as text",
        key=Key.PLAN_TEXT,
        height=330,
        on_change=_use_text,
        args=(chosen,),
        help="Follows every click. Edit it and leave the field: it becomes the plan.",
    )
    show_problem(Key.PLAN_TEXT)


def _import(chosen: ResolvedChoice) -> None:
    """A field for a file; a new one once a file was used, so that it can be used again."""
    key = f"{Key.PLAN_FILE}_{st.session_state.setdefault(Key.PLAN_FILES, 0)}"
    st.file_uploader(
        "A plan file",
        type=["yaml", "yml"],
        key=key,
        on_change=_use_file,
        args=(chosen, key),
        help="It replaces the plan shown here; Undo brings that back.",
    )
    show_problem(Key.PLAN_FILE)


def _begin(chosen: ResolvedChoice) -> None:
    name = st.session_state.get(Key.BEGIN_FROM)
    st.session_state[Key.BEGIN_FROM] = None
    if isinstance(name, str):
        begin_from(chosen, name)


def _use_file(chosen: ResolvedChoice, key: str) -> None:
    file = st.session_state.get(key)
    if file is None:
        return
    try:
        text = file.getvalue().decode("utf-8")
    except UnicodeDecodeError:
        note_problem(Key.PLAN_FILE, f"{file.name} is no UTF-8 text.")
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
