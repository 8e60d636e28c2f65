"""Fields for the settings of the selected phase and of the whole plan."""

from collections.abc import Callable

import streamlit as st

from mtl_core.errors import InvalidPlan
from mtl_core.freezing.editing import (
    add_phase,
    move_phase,
    remove_phase,
    set_phase,
    set_plan,
    set_task_weight,
)
from mtl_core.freezing.plan import Phase, Plan, Schedule
from mtl_core.freezing.table_text import rate_text
from mtl_core.freezing.titles import task_title
from mtl_core.text import shortened
from mtl_core.ui.freeze.controls import phase_picker
from mtl_core.ui.plan.edits import edit, seed_field, show_problem
from mtl_core.ui.shared.keys import Key, weight_key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

FieldChange = Callable[[Plan, object], Plan]
"""Takes a plan and the entered value and returns the changed plan."""

_EPOCHS_HELP = "The epochs of the run are divided among its phases in proportion to these numbers."

_PHASE_RATES = {
    "learning_rate": (Key.PHASE_RATE, "Learning rate"),
    "head_learning_rate": (Key.PHASE_HEAD_RATE, "Learning rate of the heads"),
    "thawed_learning_rate": (Key.PHASE_THAWED_RATE, "Rate of thawed layers"),
}
"""Widget key and label of each learning rate of a phase."""


def phase_row(chosen: ResolvedChoice) -> None:
    """Draw the phases with buttons to add, move and remove one."""
    number, count = chosen.choice.phase, len(chosen.tables)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        phase_picker(chosen)
        st.button(
            "Add a phase",
            key=Key.ADD_PHASE,
            icon=":material/add:",
            help="Adds a copy of the last phase that trains one more layer.",
            on_click=edit,
            args=(chosen, add_phase),
            kwargs={"field": Key.ADD_PHASE, "phase": count + 1},
        )
        if count > 1:
            _move_and_remove_buttons(chosen, number, count)
    show_problem(Key.ADD_PHASE)


def phase_fields(chosen: ResolvedChoice) -> None:
    """Draw name, epochs and learning rates of the selected phase.

    They are hidden if the plan has one phase without its own learning rates.
    """
    number, phase, plan = chosen.choice.phase, chosen.table.phase, chosen.plan

    def change(name: str) -> FieldChange:
        return lambda plan, value: set_phase(plan, number, **{name: value})

    def rate(name: str) -> FieldChange:
        return lambda plan, text: set_phase(plan, number, **{name: rate_from(text)})

    own = phase.model_dump(include=set(_PHASE_RATES))
    if len(chosen.tables) == 1 and not any(own.values()):
        return
    st.markdown(f"**Phase {number}**")
    with st.grid(5, min_column_width=130, gap="small"):
        _text(chosen, Key.PHASE_NAME, "Name", phase.name, change("name"))
        _number(chosen, Key.PHASE_EPOCHS, "Epochs", phase.epochs, change("epochs"), _EPOCHS_HELP)
        for name, (key, label) in _PHASE_RATES.items():
            hint = _rate_hint(plan, phase, name)
            _text(chosen, key, label, _rate(own[name]), rate(name), hint)
    for key in (Key.PHASE_NAME, Key.PHASE_EPOCHS, *(key for key, _ in _PHASE_RATES.values())):
        show_problem(key)


def plan_fields(chosen: ResolvedChoice) -> None:
    """Draw name, learning rates, schedule, layer decay and task weights of the plan."""
    plan = chosen.plan
    st.markdown("**Whole plan**")
    with st.grid(4, min_column_width=130, gap="small"):
        _text(chosen, Key.PLAN_NAME, "Plan name", plan.name, lambda p, v: set_plan(p, name=v))
        _text(
            chosen,
            Key.PLAN_RATE,
            "Encoder learning rate",
            _rate(plan.learning_rate),
            lambda p, v: set_plan(p, learning_rate=rate_from(v)),
        )
        _text(
            chosen,
            Key.PLAN_HEAD_RATE,
            "Head learning rate",
            _rate(plan.head_learning_rate),
            lambda p, v: set_plan(p, head_learning_rate=rate_from(v)),
        )
        _schedule(chosen)
        _number(
            chosen,
            Key.PLAN_DECAY,
            "Layer decay",
            plan.layer_decay,
            lambda p, v: set_plan(p, layer_decay=v),
            "The learning rate of each layer is that of the layer above divided by this number. "
            "With 1, all layers have the same rate.",
        )
        for task in chosen.model.tasks:
            _number(
                chosen,
                weight_key(task.name),
                f"Weight of {plain(task_title(task.name))}",
                plan.task_weights.get(task.name, 1.0),
                _weight_of(task.name),
                "The weight of the task's loss in the joint loss. With 0, the task is only "
                "evaluated.",
            )
    weights = [weight_key(task.name) for task in chosen.model.tasks]
    own = (Key.PLAN_NAME, Key.PLAN_RATE, Key.PLAN_HEAD_RATE, Key.PLAN_DECAY)
    for key in (*own, *weights):
        show_problem(key)


def rate_from(text: object) -> float | None:
    """Parse a learning rate such as 3e-4 or 0.0003; None if empty. Raises InvalidPlan."""
    entry = str(text or "").strip()
    if not entry:
        return None
    try:
        return float(entry)
    except ValueError:
        raise InvalidPlan(
            f"'{shortened(entry)}' is not a learning rate. Enter a number such as 3e-4 or 0.0003."
        ) from None


def _move_and_remove_buttons(chosen: ResolvedChoice, number: int, count: int) -> None:
    for label, key, icon, to, possible in (
        ("Earlier", Key.MOVE_EARLIER, ":material/arrow_back:", number - 1, number > 1),
        ("Later", Key.MOVE_LATER, ":material/arrow_forward:", number + 1, number < count),
    ):
        st.button(
            label,
            key=key,
            icon=icon,
            disabled=not possible,
            type="tertiary",
            on_click=edit,
            args=(chosen, _move(number, to)),
            kwargs={"phase": to},
        )
    st.button(
        "Remove this phase",
        key=Key.REMOVE_PHASE,
        icon=":material/delete:",
        type="tertiary",
        on_click=edit,
        args=(chosen, lambda plan, _: remove_phase(plan, number)),
        kwargs={"phase": max(number - 1, 1)},
    )


def _move(number: int, to: int) -> Callable[[Plan, object], Plan]:
    return lambda plan, _: move_phase(plan, number, to)


def _weight_of(task: str) -> FieldChange:
    def change(plan: Plan, weight: object) -> Plan:
        return set_plan(plan) if weight is None else set_task_weight(plan, task, float(str(weight)))

    return change


def _text(
    chosen: ResolvedChoice, key: str, label: str, value: str, change: FieldChange, hint: str = ""
) -> None:
    seed_field(key, value)
    st.text_input(label, key=key, placeholder=hint, on_change=_apply, args=(chosen, key, change))


def _number(
    chosen: ResolvedChoice,
    key: str,
    label: str,
    value: float,
    change: FieldChange,
    help: str | None = None,
) -> None:
    seed_field(key, value)
    st.number_input(
        label,
        value=value,
        step=0.5,
        format="%g",
        key=key,
        help=help,
        on_change=_apply,
        args=(chosen, key, change),
    )


def _schedule(chosen: ResolvedChoice) -> None:
    seed_field(Key.PLAN_SCHEDULE, str(chosen.plan.schedule))
    st.selectbox(
        "Schedule",
        [str(schedule) for schedule in Schedule],
        key=Key.PLAN_SCHEDULE,
        help="How the learning rate changes within each phase.",
        on_change=_apply,
        args=(chosen, Key.PLAN_SCHEDULE, lambda plan, value: set_plan(plan, schedule=value)),
    )


def _apply(chosen: ResolvedChoice, key: str, change: FieldChange) -> None:
    value = st.session_state.get(key)
    edit(chosen, lambda plan, _: change(plan, value), field=key)


def _rate_hint(plan: Plan, phase: Phase, name: str) -> str:
    """What applies where a phase does not have the rate `name`."""
    if name == "thawed_learning_rate":
        return "as the other layers"
    if phase.thawed_learning_rate is not None:
        return "as in the phase before"
    own = phase.learning_rate or plan.head_learning_rate
    return f"{rate_text(plan.learning_rate if name == 'learning_rate' else own)} (from the plan)"


def _rate(rate: float | None) -> str:
    """A learning rate at full precision; empty for None."""
    short = rate_text(rate)
    return short if rate is None or float(short) == rate else repr(rate)
