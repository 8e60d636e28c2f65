"""A visitor's hand on the plan: each edit becomes the choice's plan text, and can be undone.

The plan itself stays in the `Choice`, so that Freeze shows it, Train runs it and the address holds
it. Beside it the session keeps only what there was before, and what went wrong at the last edit.
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
    """What of a choice makes its plan, and the phase that was shown."""

    scenario: str
    plan: str
    learning_rate: float | None
    head_learning_rate: float | None
    phase: int


def plan_history(choice: Choice) -> History[PlanStep]:
    """The history, brought up to date with `choice`: what other pages changed is a step too. To
    look at another phase is none."""
    step = PlanStep(
        choice.scenario,
        choice.plan,
        choice.learning_rate,
        choice.head_learning_rate,
        choice.phase,
    )
    kept = st.session_state.get(Key.PLAN_HISTORY)
    if not isinstance(kept, History):
        kept = History((step,))
    elif replace(kept.current, phase=step.phase) == step:
        steps = (*kept.steps[: kept.position], step, *kept.steps[kept.position + 1 :])
        kept = History(steps, kept.position)
    else:
        kept = kept.push(step)
    st.session_state[Key.PLAN_HISTORY] = kept
    return kept


def undo_buttons(choice: Choice) -> None:
    """Undo and Redo; each is out of reach where there is nothing to go to."""
    history = plan_history(choice)
    for label, key, icon, there, enabled in (
        ("Undo", Key.UNDO_EDIT, ":material/undo:", history.undo(), history.can_undo),
        ("Redo", Key.REDO_EDIT, ":material/redo:", history.redo(), history.can_redo),
    ):
        st.button(
            label, key=key, icon=icon, disabled=not enabled, on_click=_stand_at, args=(there,)
        )


def edit(chosen: ResolvedChoice, change: Change, field: str = "", phase: int | None = None) -> None:
    """Within a callback: change the plan and show `phase`. A scenario that is edited gets a name
    of its own. What makes no plan leaves everything as it is, and the reason stands at `field`."""
    try:
        plan = change(chosen.plan, chosen.model)
        if chosen.scenario is not None and plan != chosen.plan and plan.name == chosen.plan.name:
            plan = set_plan(plan, name=f"{plan.name[:_LONGEST_NAME]}, edited")
    except PlanError as problem:
        note_problem(field, str(problem))
        return
    put_plan(chosen, plan, field, chosen.choice.phase if phase is None else phase)


def put_plan(chosen: ResolvedChoice, plan: Plan, field: str = "", phase: int = 1) -> None:
    """Within a callback: make `plan` the choice's, if it fits the model; else say why at `field`.

    The rates that the choice bears are in the plan from now on.
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
        note_problem(field, "This plan is too long for an address: 20,000 characters at most.")
        return
    _keep(choice)


def begin_from(chosen: ResolvedChoice, scenario: str) -> None:
    """Within a callback: show a scenario's plan as it is, to be edited."""
    _keep(
        chosen.choice.replace(
            scenario=scenario, plan="", phase=1, learning_rate=None, head_learning_rate=None
        )
    )


def toggle(chosen: ResolvedChoice, group: str) -> None:
    """Within a callback: thaw or freeze the block of `group` in the phase shown; where a rule
    holds it, remember that, so that the page can offer to lift the rule."""
    phase = chosen.choice.phase
    states = block_states(chosen.plan, phase, chosen.model)
    if any(group in state.block.groups and state.frozen_by for state in states):
        forget_problem()
        st.session_state[Key.PLAN_HELD] = group
        return
    edit(chosen, lambda plan, model: toggle_block(plan, phase, group, model))


def note_problem(field: str, message: str) -> None:
    """Remember what went wrong at `field` until the next edit."""
    forget_problem()
    st.session_state[Key.PLAN_PROBLEM] = (field, message)


def forget_problem() -> None:
    """Nothing is wrong any more, and no held block is asked about."""
    st.session_state.pop(Key.PLAN_PROBLEM, None)
    st.session_state.pop(Key.PLAN_HELD, None)


def has_problem(field: str) -> bool:
    """Whether the last edit went wrong at `field`, so that what was typed there stays."""
    kept = st.session_state.get(Key.PLAN_PROBLEM)
    return kept is not None and kept[0] == field


def show_problem(field: str) -> None:
    """Say what went wrong at `field`, if anything did."""
    if has_problem(field):
        message = st.session_state[Key.PLAN_PROBLEM][1]
        st.error(f"{plain(message)} The plan is as it was.", icon=":material/error:")


def seed_field(field: str, value: object) -> None:
    """Give the widget `field` the plan's value, unless what was typed there is still to be
    mended; call it just before drawing it."""
    if has_problem(field) and field in st.session_state:
        return
    if st.session_state.get(Key.PAGE_IS_NEW) or st.session_state.get(field) != value:
        st.session_state[field] = value


def _stand_at(history: History[PlanStep]) -> None:
    st.session_state[Key.PLAN_HISTORY] = history
    choice: Choice = st.session_state[Key.CHOICE]
    _keep(choice.replace(**asdict(history.current)))


def _keep(choice: Choice) -> None:
    """Make `choice` the session's; what went wrong before it, a draft included, is over."""
    forget_problem()
    st.session_state.pop(Key.DRAFT, None)
    keep_choice(choice)
