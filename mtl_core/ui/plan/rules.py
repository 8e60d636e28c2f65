"""The rules of a phase with the tensors they match, and a field to try a new rule."""

import streamlit as st

from mtl_core.errors import PlanError
from mtl_core.freezing.editing import (
    Match,
    add_freeze,
    add_selector,
    match,
    remove_freeze,
    remove_selector,
)
from mtl_core.text import counted
from mtl_core.ui.plan.edits import Change, edit
from mtl_core.ui.shared.keys import Key, rule_key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

_NAMES_SHOWN = 3


def rule_lists(chosen: ResolvedChoice) -> None:
    """Draw the rules of the selected phase and the rules that always freeze."""
    number, phase = chosen.choice.phase, chosen.table.phase
    st.markdown("**Trained tensors**" + (f" in phase {number}" if len(chosen.tables) > 1 else ""))
    if not phase.train:
        st.caption("There are no rules: everything is frozen in this phase.")
    with st.container(gap="xxsmall"):
        for index, rule in enumerate(phase.train):
            _rule(chosen, rule, rule_key("train", index), _remove_from_phase(number, rule))
    if chosen.plan.freeze:
        st.markdown("**Always frozen**: in every phase, regardless of other rules")
    with st.container(gap="xxsmall"):
        for index, rule in enumerate(chosen.plan.freeze):
            _rule(chosen, rule, rule_key("freeze", index), _remove_from_freeze(rule))


def try_a_rule(chosen: ResolvedChoice) -> None:
    """Draw a field for a selector that shows its matches while the visitor types."""
    text = st.text_input(
        "Try a rule",
        key=Key.TRY_RULE,
        placeholder="top:2, biases, head:ner, *.attention.*",
        live="300ms",
        help="all, backbone, embeddings, heads, head:TASK, layer:I, layers:I-J, top:N, bottom:N, "
        "biases, layernorms, pooler, or a glob over whole dotted names",
    )
    rule, number = (text or "").strip(), chosen.choice.phase
    if not rule:
        return
    try:
        found = match(rule, chosen.model)
    except PlanError as problem:
        st.warning(plain(str(problem)), icon=":material/search_off:")
        return
    st.markdown(f"Matches **{_counts(found)}**: {_names(found)}")
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Add to this phase",
            key=Key.ADD_RULE,
            icon=":material/add:",
            on_click=_add,
            args=(chosen, lambda plan, model: add_selector(plan, number, rule, model)),
        )
        st.button(
            "Always freeze",
            key=Key.FREEZE_RULE,
            icon=":material/lock:",
            on_click=_add,
            args=(chosen, lambda plan, model: add_freeze(plan, rule, model)),
        )


def _rule(chosen: ResolvedChoice, rule: str, key: str, removal: Change) -> None:
    """Draw one rule: its text, the number of matches, and a button to remove it."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(
            f"`{_code(rule)}` :small[{_counts(match(rule, chosen.model))}]", width="content"
        )
        st.button(
            f"Remove {plain(rule)}",
            key=key,
            icon=":material/close:",
            type="tertiary",
            on_click=edit,
            args=(chosen, removal),
        )


def _code(rule: str) -> str:
    """A rule without backticks, for Markdown; a rule that matches a tensor contains none."""
    return rule.replace("`", "")


def _remove_from_phase(number: int, rule: str) -> Change:
    return lambda plan, _: remove_selector(plan, number, rule)


def _remove_from_freeze(rule: str) -> Change:
    return lambda plan, _: remove_freeze(plan, rule)


def _add(chosen: ResolvedChoice, change: Change) -> None:
    st.session_state[Key.TRY_RULE] = ""
    edit(chosen, change)


def _counts(found: Match) -> str:
    return f"{counted(len(found.names), 'tensor')}, {found.parameters:,} parameters"


def _names(found: Match) -> str:
    shown = ", ".join(f"`{name}`" for name in found.names[:_NAMES_SHOWN])
    more = len(found.names) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
