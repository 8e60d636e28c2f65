"""The list of plans of a new comparison, with the fields that edit them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import streamlit as st
from pydantic import ValidationError

from mtl_core.engine.lab import the_lab
from mtl_core.freezing.titles import task_title
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint
from mtl_core.models.local_checkpoints import local_checkpoints
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.tasks.task import Task
from mtl_core.training.arm import (
    NAME_LENGTH,
    ComparisonArm,
    clean_name,
    difference_words,
    named_arm,
)
from mtl_core.training.options import RunOptions, first_problem
from mtl_core.ui.shared.arms import base_name, collected_arms, plan_phrase, store_arms
from mtl_core.ui.shared.choice import Choice
from mtl_core.ui.shared.keys import Key, arm_key
from mtl_core.ui.shared.page import plain

_RATE_STEP, _EPOCHS_STEP, _WEIGHT_STEP = 1e-4, 1.0, 0.5
"""The least value, the greatest and the step of a field."""

_Change = Callable[[ComparisonArm, Any], Mapping[str, object]]
"""Returns the changed fields of an arm for the value of a widget."""


def arms_to_compare(
    scenarios: Sequence[str], choice: Choice, shared: RunOptions
) -> dict[int, ComparisonArm]:
    """Returns the arms of a new comparison: the scenarios, then the collected plans, without the
    values that all share. The numbers are those of `collected_arms`, negative for scenarios."""
    rates: dict[str, Any] = {
        "learning_rate": choice.learning_rate,
        "head_learning_rate": choice.head_learning_rate,
    }
    arms = {-n: named_arm(name, **rates) for n, name in enumerate(scenarios, start=1)}
    for number, arm in collected_arms().items():
        own = own_values(arm, choice.checkpoint, shared)
        arms[number] = own.model_copy(update={"name": _unused(own.name, arms.values())})
    return arms


def own_values(arm: ComparisonArm, checkpoint: str, shared: RunOptions) -> ComparisonArm:
    """Returns the arm without the values that are those of the comparison.

    It keeps a name that was given to it; otherwise its name states the differences that are left.
    """
    is_other = arm.checkpoint not in (None, checkpoint)
    options = {
        name: value
        for name, value in arm.options.items()
        if value != getattr(shared, name) or (is_other and name == "sentence_vector")
    }
    return named_arm(
        arm.scenario or arm.plan or arm.name,
        None if arm.name == base_name(arm) else arm.name,
        checkpoint=arm.checkpoint if is_other else None,
        learning_rate=arm.learning_rate,
        head_learning_rate=arm.head_learning_rate,
        task_weights=arm.task_weights,
        options=options,
    )


def arm_rows(
    arms: Mapping[int, ComparisonArm], choice: Choice, shared: RunOptions, tasks: Sequence[Task]
) -> None:
    """Draws a row for each arm: name, plan and differences. Collected plans can be edited.

    If there are only scenarios, a button turns them into plans that can be edited.
    """
    if not collected_arms():
        if st.button(
            "Edit each plan",
            key=Key.EDIT_ARMS,
            icon=":material/tune:",
            type="tertiary",
            on_click=_collect,
            args=(tuple(arms.values()),),
            help="Lists the plans, so that each can have its own name, checkpoint, learning "
            "rates, epochs, sentence vector and loss weights.",
        ):
            st.rerun(scope="app")  # the form moves from the popover to the page
        return
    for number, arm in arms.items():
        title = f"**{plain(arm.name)}** · {plain(plan_phrase(arm))} · {plain(_differences(arm))}"
        if number < 0:
            st.markdown(f":small[{title}]")
            continue
        with st.expander(title, key=arm_key(number, "row"), type="compact"):
            _fields(number, arm.name, choice, shared, tasks)


def _collect(arms: Sequence[ComparisonArm]) -> None:
    """Turns the selected scenarios into collected plans."""
    renamed = (arm.model_copy(update={"name": base_name(arm)}) for arm in arms)
    store_arms(dict(enumerate(renamed, start=1)))
    st.session_state[Key.SCENARIOS] = []


def clear_arms() -> None:
    """Removes all collected plans."""
    store_arms({})


def _fields(
    number: int, shown_name: str, choice: Choice, shared: RunOptions, tasks: Sequence[Task]
) -> None:
    """Draws the fields of a collected plan. An empty field has the comparison's own value."""
    arm = collected_arms()[number]
    with st.grid(3, min_column_width=150, gap="small"):
        _name(number, arm, shown_name)
        _checkpoint(number, arm, choice)
        for name, label in (
            ("learning_rate", "Encoder learning rate"),
            ("head_learning_rate", "Head learning rate"),
        ):
            _number(
                number, name, label, getattr(arm, name), "from the plan", _field(name), _RATE_STEP
            )
        own, epochs = arm.options.get("epochs"), f"{shared.epochs:g}, as in the comparison"
        _number(number, "epochs", "Epochs", own, epochs, _option("epochs"), _EPOCHS_STEP)
        _vector(number, arm)
        _weights(number, arm, tasks)
    if problem := st.session_state.get(arm_key(number, "problem")):
        st.warning(plain(problem), icon=":material/info:")
    if st.button(
        "Remove",
        key=arm_key(number, "remove"),
        icon=":material/delete:",
        type="tertiary",
        on_click=_remove,
        args=(number,),
    ):
        st.rerun(scope="app")


def _name(number: int, arm: ComparisonArm, shown: str) -> None:
    _seed(number, "name", "" if arm.name == base_name(arm) else arm.name)
    st.text_input(
        "Name",
        max_chars=NAME_LENGTH,
        placeholder=shown,
        key=arm_key(number, "name"),
        on_change=_edit,
        args=(number, "name", lambda arm, name: {"name": name.strip() or base_name(arm)}),
    )


def _weights(number: int, arm: ComparisonArm, tasks: Sequence[Task]) -> None:
    for task in tasks:
        weight = arm.plan.task_weights.get(task.name, 1.0) if arm.plan else 1.0
        _number(
            number,
            f"weight_{task.name}",
            f"Weight of {plain(task_title(task.name))}",
            arm.task_weights.get(task.name),
            f"{weight:g}, from the plan",
            _weight(task.name),
            _WEIGHT_STEP,
        )


def _checkpoint(number: int, arm: ComparisonArm, choice: Choice) -> None:
    current = arm.checkpoint or choice.checkpoint
    names = [entry.name for entry in catalogue()]
    ready = [name for name in names if has_weights(resolve_checkpoint(name, the_lab().access))]
    local = local_checkpoints(the_lab().settings.checkpoint_roots)
    ready += [each.name for each in local if each.problem is None and each.name not in names]
    listed = list(dict.fromkeys([current, choice.checkpoint, *ready]))
    _seed(number, "checkpoint", current)
    st.selectbox(
        "Checkpoint",
        listed,
        accept_new_options=True,
        help="Plans on several checkpoints are compared on the same sentences, seed by seed.",
        key=arm_key(number, "checkpoint"),
        on_change=_edit,
        args=(number, "checkpoint", _field("checkpoint")),
    )


def _vector(number: int, arm: ComparisonArm) -> None:
    _seed(number, "vector", str(arm.options.get("sentence_vector") or ""))
    st.selectbox(
        "Sentence vector",
        ["", *map(str, SentenceVector)],
        format_func=lambda vector: (
            SentenceVector(vector).words if vector else "as in the comparison"
        ),
        key=arm_key(number, "vector"),
        on_change=_edit,
        args=(number, "vector", _option("sentence_vector")),
    )


def _vector_words(vector: str) -> str:
    return SentenceVector(vector).words if vector else "as in the comparison"


def _number(
    number: int,
    field: str,
    label: str,
    value: float | None,
    placeholder: str,
    change: _Change,
    step: float,
) -> None:
    _seed(number, field, value)
    st.number_input(
        label,
        step=step,
        value=None,
        format="%g",
        placeholder=placeholder,
        key=arm_key(number, field),
        on_change=_edit,
        args=(number, field, change),
    )


def _seed(number: int, field: str, value: object) -> None:
    """Sets a widget to the arm's value when it is drawn for the first time."""
    st.session_state.setdefault(arm_key(number, field), value)


def _edit(number: int, field: str, change: _Change) -> None:
    """Applies the value of a widget to its arm, or stores why the arm cannot have it."""
    arms, key = collected_arms(), arm_key(number, field)
    if number not in arms:
        return
    arm, problem = arms[number], arm_key(number, "problem")
    try:
        changed = ComparisonArm.model_validate(
            {**dict(arm), **change(arm, st.session_state.get(key))}
        )
    except ValidationError as error:
        st.session_state[problem] = first_problem(error)
        return
    st.session_state.pop(problem, None)
    store_arms({**arms, number: changed})


def _remove(number: int) -> None:
    store_arms({each: arm for each, arm in collected_arms().items() if each != number})


def _field(name: str) -> _Change:
    return lambda _, value: {name: value or None}


def _option(name: str) -> _Change:
    def change(arm: ComparisonArm, value: object) -> Mapping[str, object]:
        others = {each: own for each, own in arm.options.items() if each != name}
        return {"options": {**others, **({name: value} if value else {})}}

    return change


def _weight(task: str) -> _Change:
    def change(arm: ComparisonArm, value: object) -> Mapping[str, object]:
        others = {each: own for each, own in arm.task_weights.items() if each != task}
        return {"task_weights": {**others, **({} if value is None else {task: value})}}

    return change


def _differences(arm: ComparisonArm) -> str:
    """What differs from the other arms: `checkpoint tiny, epochs 2`."""
    return ", ".join(difference_words(arm.differences)) or "all settings shared"


def _unused(name: str, arms: Iterable[ComparisonArm]) -> str:
    """The name, with a number behind it if an arm has it already."""
    used = {arm.name for arm in arms}
    if name not in used:
        return name
    numbered = (clean_name(f"{name[: NAME_LENGTH - 4]} {n}") for n in range(2, len(used) + 3))
    return next(each for each in numbered if each not in used)
