"""The plans that a visitor collects for a comparison, in the session and in the address.

An arm has the values of its plan or run when it was added. `ui.compare.arms` leaves out those that
all arms of the comparison share.
"""

from collections.abc import Callable, Mapping

import streamlit as st
from pydantic import TypeAdapter, ValidationError

from mtl_core.freezing.titles import scenario_phrase
from mtl_core.text import counted
from mtl_core.training.arm import ComparisonArm, clean_name
from mtl_core.training.comparison import MOST_ARMS
from mtl_core.training.options import first_problem
from mtl_core.ui.shared.choice import came_by_history
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

_LONGEST_ADDRESS = 8_000  # characters; longer lists of plans are in the session only
_ARMS = TypeAdapter(tuple[ComparisonArm, ...])


def collected_arms() -> Mapping[int, ComparisonArm]:
    """Returns the collected arms by their numbers, in the order in which they were added."""
    arms: Mapping[int, ComparisonArm] = st.session_state.setdefault(Key.ARMS, {})
    return arms


def store_arms(arms: Mapping[int, ComparisonArm]) -> None:
    """Replaces the collected arms."""
    st.session_state[Key.ARMS] = dict(arms)


def add_arm_button(build: Callable[[], ComparisonArm]) -> None:
    """Draws the button that adds what `build` returns, and a link to the collected plans.

    `build` raises ValidationError for values that an arm cannot have.
    """
    arms = collected_arms()
    st.button(
        "Add to comparison",
        key=Key.ADD_ARM,
        icon=":material/playlist_add:",
        type="tertiary",
        disabled=len(arms) >= MOST_ARMS,
        on_click=_add,
        args=(build,),
        help="Collects this plan with its checkpoint and learning rates. The Compare page starts a "
        "comparison of all collected plans.",
    )
    if arms:
        st.page_link(
            "pages/compare.py",
            label=f"{counted(len(arms), 'plan')} to compare",
            icon=":material/arrow_forward:",
            icon_position="right",
        )


def arm_of_choice(chosen: ResolvedChoice) -> ComparisonArm:
    """Builds the arm of the plan on the Freeze page or of the visitor's own plan."""
    choice = chosen.choice
    vector = {"sentence_vector": choice.sentence_vector} if choice.sentence_vector else {}
    values = {
        "checkpoint": choice.checkpoint,
        "options": {"starts_from": choice.starts_from or None, **vector},
    }
    if chosen.scenario is None:
        return arm_of(None, {"plan": chosen.plan, **values})
    rates = {
        "learning_rate": choice.learning_rate,
        "head_learning_rate": choice.head_learning_rate,
    }
    return arm_of(None, {"scenario": chosen.scenario, **rates, **values})


def arm_of(name: str | None, values: Mapping[str, object]) -> ComparisonArm:
    """Builds an arm of the fields `values`; without a name it has that of its plan.

    Raises ValidationError.
    """
    arm = ComparisonArm.model_validate({"name": name or "plan", **values})
    return arm if name else arm.model_copy(update={"name": base_name(arm)})


def base_name(arm: ComparisonArm) -> str:
    """The name of an arm that was given no other: that of its scenario or plan."""
    return clean_name(arm.scenario or (arm.plan.name if arm.plan else arm.name))


def plan_phrase(arm: ComparisonArm) -> str:
    """The plan of an arm inside a sentence: `top layer`, or the name of a plan file."""
    if arm.scenario is not None:
        return scenario_phrase(arm.scenario)
    return arm.plan.name if arm.plan else arm.name


def read_arms() -> list[str]:
    """Takes the arms from the address, as `chosen_comparison` does; returns notes on ignored ones.

    Call it before any widget is drawn.
    """
    text = st.query_params.get(Key.ARMS_IN_ADDRESS, "")
    if not text or (Key.ARMS in st.session_state and not came_by_history()):
        return []
    try:
        arms = _ARMS.validate_json(text)
    except ValidationError as problem:
        return [f"The plans to compare in the address were ignored. {first_problem(problem)}"]
    store_arms(dict(enumerate(arms[:MOST_ARMS], start=1)))
    return []


def write_arms() -> None:
    """Writes the collected arms into the address of the Compare page."""
    arms = tuple(collected_arms().values())
    text = _ARMS.dump_json(arms, exclude_defaults=True).decode() if arms else ""
    if not text or len(text) > _LONGEST_ADDRESS:
        st.query_params.pop(Key.ARMS_IN_ADDRESS, None)
    elif st.query_params.get(Key.ARMS_IN_ADDRESS) != text:
        st.query_params[Key.ARMS_IN_ADDRESS] = text


def _add(build: Callable[[], ComparisonArm]) -> None:
    arms = collected_arms()
    try:
        arm = build()
    except ValidationError as problem:
        st.toast(plain(first_problem(problem)))
        return
    if arm in arms.values():
        st.toast("This plan has already been added to the comparison.")
        return
    store_arms({**arms, max(arms, default=0) + 1: arm})
    st.toast(f"Added to the comparison: {plain(plan_phrase(arm))}.")
