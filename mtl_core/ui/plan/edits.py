"""Edits of the plan on the plan page: apply, undo and redo them, and report errors.

The edited plan is stored as text in the `Choice`, so the Freeze and Train pages and the address use
it too. The session state also holds the undo history and the error of the last edit.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import streamlit as st
from pydantic import ValidationError

from mtl_core.errors import PlanError
from mtl_core.freezing.editing import History, block_states, set_plan, toggle_block
from mtl_core.freezing.plan import Plan
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.models.description import ModelDescription
from mtl_core.ui.shared.choice import Choice, keep_choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

Change = Callable[[Plan, ModelDescription], Plan]

_LONGEST_NAME = 110


@dataclass(frozen=True, slots=True)
class PlanStep:
    """The fields of a `Choice` that determine its plan, and the selected phase."""

    scenario: str
    plan: str
    learning_rate: float | None
    head_learning_rate: float | None
    phase: int


def plan_history(choice: Choice) -> History[PlanStep]:
    """Update and return the undo history.

    Changes made on other pages are added as a step. Selecting another phase is not a step.
    """
    step = PlanStep(
        choice.scenario,
        choice.plan,
        choice.learning_rate,
        choice.head_learning_rate,
        choice.phase,
    )
    history = st.session_state.get(Key.PLAN_HISTORY)
    if not isinstance(history, History):
        history = History((step,))
    elif replace(history.current, phase=step.phase) == step:
        steps = (*history.steps[: history.position], step, *history.steps[history.position + 1 :])
        history = History(steps, history.position)
    else:
        history = history.push(step)
    st.session_state[Key.PLAN_HISTORY] = history
    return history


def undo_buttons(choice: Choice) -> None:
    """Draw the Undo and Redo buttons."""
    history = plan_history(choice)
    for label, key, icon, target, enabled in (
        ("Undo", Key.UNDO_EDIT, ":material/undo:", history.undo(), history.can_undo),
        ("Redo", Key.REDO_EDIT, ":material/redo:", history.redo(), history.can_redo),
    ):
        st.button(
            label, key=key, icon=icon, disabled=not enabled, on_click=_restore, args=(target,)
        )


def undo_if_edited(choice: Choice) -> None:
    """Draw Undo, which is disabled unless the plan is the visitor's own.

    It always has its place, so that the first edit moves nothing. Steps are recorded in any case.
    """
    history = plan_history(choice)
    st.button(
        "Undo",
        key=Key.UNDO_EDIT,
        icon=":material/undo:",
        type="tertiary",
        disabled=not (choice.plan and history.can_undo),
        on_click=_restore,
        args=(history.undo(),),
    )


def edit(chosen: ResolvedChoice, change: Change, field: str = "", phase: int | None = None) -> None:
    """Apply `change` to the plan and show `phase`. Call it in a callback.

    An edited scenario gets a new name. If the change is invalid, the plan stays unchanged and the
    error is shown at `field`.
    """
    try:
        plan = change(chosen.plan, chosen.model)
        if chosen.scenario is not None and plan != chosen.plan and plan.name == chosen.plan.name:
            plan = set_plan(plan, name=f"{plan.name[:_LONGEST_NAME]}, edited")
    except PlanError as problem:
        note_problem(field, str(problem))
        return
    put_plan(chosen, plan, field, chosen.choice.phase if phase is None else phase)


def put_plan(chosen: ResolvedChoice, plan: Plan, field: str = "", phase: int = 1) -> None:
    """Make `plan` the visitor's plan if it fits the model. Call it in a callback.

    Otherwise the error is shown at `field`. Learning rates set on other pages become part of the
    plan.
    """
    try:
        parameter_tables(plan, chosen.model)
        text = plan_to_yaml(plan) if plan != chosen.plan else chosen.choice.plan
        rates = {} if plan == chosen.plan else {"learning_rate": None, "head_learning_rate": None}
        choice = chosen.choice.replace(plan=text, phase=min(phase, len(plan.phases)), **rates)
    except PlanError as problem:
        note_problem(field, str(problem))
        return
    except ValidationError:
        note_problem(field, "This plan is too long: the limit is 20,000 characters.")
        return
    _store(choice)


def start_from_scenario(chosen: ResolvedChoice, scenario: str) -> None:
    """Replace the plan by that of a scenario. Call it in a callback."""
    _store(
        chosen.choice.replace(
            scenario=scenario, plan="", phase=1, learning_rate=None, head_learning_rate=None
        )
    )


def toggle(chosen: ResolvedChoice, group: str) -> None:
    """Freeze or unfreeze the block of `group` in the selected phase. Call it in a callback.

    If a `freeze` rule matches the block, the page offers to remove the rule.
    """
    phase = chosen.choice.phase
    states = block_states(chosen.plan, phase, chosen.model)
    if any(group in state.block.groups and state.frozen_by for state in states):
        forget_problem()
        st.session_state[Key.FROZEN_BLOCK] = group
        return
    edit(chosen, lambda plan, model: toggle_block(plan, phase, group, model))


def note_problem(field: str, message: str) -> None:
    """Store an error for display at `field` until the next edit."""
    forget_problem()
    st.session_state[Key.PLAN_PROBLEM] = (field, message)


def forget_problem() -> None:
    """Clear the stored error and the offer to remove a `freeze` rule."""
    st.session_state.pop(Key.PLAN_PROBLEM, None)
    st.session_state.pop(Key.FROZEN_BLOCK, None)


def has_problem(field: str) -> bool:
    """Whether the last edit at `field` was invalid."""
    problem = st.session_state.get(Key.PLAN_PROBLEM)
    return problem is not None and problem[0] == field


def show_problem(field: str) -> None:
    """Draw the error of `field`, if there is one."""
    if has_problem(field):
        message = st.session_state[Key.PLAN_PROBLEM][1]
        st.error(f"{plain(message)} The plan was not changed.", icon=":material/error:")


def seed_field(field: str, value: object) -> None:
    """Set the widget `field` to the plan's value; call it right before drawing the widget.

    An invalid entry is kept so that the visitor can correct it.
    """
    if has_problem(field) and field in st.session_state:
        return
    if st.session_state.get(Key.PAGE_IS_NEW) or st.session_state.get(field) != value:
        st.session_state[field] = value


def _restore(history: History[PlanStep]) -> None:
    st.session_state[Key.PLAN_HISTORY] = history
    choice: Choice = st.session_state[Key.CHOICE]
    _store(choice.replace(**asdict(history.current)))


def _store(choice: Choice) -> None:
    """Make `choice` the session's choice; clear the last error and the draft."""
    forget_problem()
    st.session_state.pop(Key.DRAFT, None)
    keep_choice(choice)
