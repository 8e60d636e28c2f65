"""The controls of the Freeze page for a plan: what learns, which phase, at which rates."""

from collections.abc import Iterable, Mapping

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.freezing.plan import Plan, with_gentle_decay
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.freezing.scenarios import Scenario, scenario_kind, scenarios
from mtl_core.freezing.table import ParameterTable
from mtl_core.freezing.table_text import rate_text
from mtl_core.freezing.titles import scenario_title
from mtl_core.ui.shared.choice import change_choice, seed_plan_widget, seed_widget
from mtl_core.ui.shared.data_picker import data_picker
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

_TOPS_AS_PILLS = 3
_PHASES_SIDE_BY_SIDE = 6  # more, as a scenario with a phase for each layer has, become a list
_PILLS = ("heads-only", "top", "full", "gradual", "discriminative", "freeze-head", "frozen")
"""Kinds with a pill of their own, from little to much, then those with rates and phases of their
own, heads, and nothing at all last. All others are in the list under More."""


def scenario_picker(chosen: ResolvedChoice) -> None:
    """What learns: the scenarios, and in the line above them the way to all else. Beside the
    scenarios that would squeeze them on a phone."""
    with st.container(gap=None, width="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(":small[What learns]", width="content")
            _more_choices(chosen)
        _scenarios(chosen)


def _scenarios(chosen: ResolvedChoice) -> None:
    """A pill for each common scenario that fits; one of the others only while it is chosen."""
    if chosen.scenario is None:
        st.button(
            f"{plain(chosen.plan.name)}: back to the scenarios",
            icon=":material/undo:",
            on_click=_leave_own_plan,
        )
        return
    listed = {scenario.name: scenario for scenario in scenarios(chosen.model)}
    seed_widget(Key.SCENARIO)
    st.pills(
        "What learns",
        [name for name in _in_order(listed) if _is_pill(name, chosen.scenario)],
        key=Key.SCENARIO,
        format_func=lambda name: _pill_title(name, listed),
        label_visibility="collapsed",
        required=True,
        wrap=True,
        on_change=change_choice,
        kwargs={"phase": 1},
    )


def phase_picker(chosen: ResolvedChoice) -> None:
    """Step through the plan's phases; nothing where there is only one."""
    if len(chosen.tables) == 1:
        return
    names = {table.phase_number: table.phase.name for table in chosen.tables}

    def title(number: int) -> str:
        return f"{number}  {names[number]}" if number in names else str(number)

    seed_widget(Key.PHASE)
    if len(names) > _PHASES_SIDE_BY_SIDE:
        st.selectbox(
            "Phase",
            list(names),
            key=Key.PHASE,
            format_func=lambda number: (
                f"Phase {number} of {len(names)}: {names.get(number, number)}"
            ),
            label_visibility="collapsed",
            width=330,
        )
        return
    st.segmented_control(
        "Phase",
        list(names),
        key=Key.PHASE,
        format_func=title,
        required=True,
        label_visibility="collapsed",
    )


def _more_choices(chosen: ResolvedChoice) -> None:
    """Everything that few change: more top layers, rates, data, a plan of one's own.

    What is inside is drawn only while the popover is open: the browser would go on sending the
    old value of a folded widget after the page had changed it.
    """
    popover = st.popover(
        "More", icon=":material/tune:", key=Key.MORE, type="tertiary", on_change="rerun"
    )
    if not popover.open:
        return
    with popover:
        _top_layers(chosen)
        _other_scenarios(chosen)
        _rates(chosen.table)
        data_picker(the_lab().settings, chosen.choice.data)
        seed_plan_widget()
        st.text_area(
            "Your own plan",
            key=Key.PLAN,
            height=150,
            placeholder="name: biases\nphases:\n  - {name: all, train: [heads, biases]}",
            help="A plan file's text; it stands in place of the scenario. Export gives the "
            "present plan to start from. Leave it empty to go back to the scenarios.",
            on_change=change_choice,
            kwargs={"phase": 1},
        )
        st.page_link("pages/plan.py", label="Edit by clicking", icon=":material/touch_app:")


def _top_layers(chosen: ResolvedChoice) -> None:
    backbone = chosen.model.backbone
    if backbone.shares_layers or chosen.scenario is None:
        return
    st.selectbox(
        "Heads and the last … layers",
        range(1, backbone.layers + 1),
        index=None,
        key=Key.TOP_LAYERS,
        placeholder=f"1 to {backbone.layers}",
        on_change=_choose_top,
    )


def _other_scenarios(chosen: ResolvedChoice) -> None:
    if chosen.scenario is None:
        return
    listed = {each.name: each for each in scenarios(chosen.model)}
    others = [name for name in listed if scenario_kind(name)[0] not in _PILLS]
    st.selectbox(
        "Other scenarios",
        others,
        index=None,
        key=Key.OTHER_SCENARIOS,
        format_func=lambda name: _pill_title(name, listed),
        placeholder=f"{len(others)} more",
        on_change=_choose_other,
    )


def gentler_button(plan: Plan) -> None:
    """Offer the plan with each layer at 0.95 of the one above, as a plan of one's own."""
    st.button(
        "Use 0.95 a layer",
        key=Key.GENTLER,
        type="tertiary",
        help="The same plan with each layer at 0.95 of the rate of the layer above it. It stands "
        "in place of the scenario, and its text is under More.",
        on_click=change_choice,
        kwargs={"plan": plan_to_yaml(with_gentle_decay(plan)), "phase": 1},
    )


def _rates(table: ParameterTable) -> None:
    encoder, heads = table.plan.rates_in(table.phase)
    for key, label, rate, step in (
        (Key.LEARNING_RATE, "Learning rate of the encoder", encoder, 1e-5),
        (Key.HEAD_LEARNING_RATE, "Learning rate of the heads", heads, 1e-3),
    ):
        seed_widget(key)
        st.number_input(
            label,
            value=None,
            step=step,
            key=key,
            format="%g",
            placeholder=f"{rate_text(rate)}, the plan's own",
        )


def _choose_top() -> None:
    count = st.session_state.get(Key.TOP_LAYERS)
    st.session_state[Key.TOP_LAYERS] = None
    if isinstance(count, int):
        change_choice(scenario=f"top-{count}", phase=1)


def _choose_other() -> None:
    name = st.session_state.get(Key.OTHER_SCENARIOS)
    st.session_state[Key.OTHER_SCENARIOS] = None
    if isinstance(name, str):
        change_choice(scenario=name, phase=1)


def _leave_own_plan() -> None:
    change_choice(plan="", phase=1)


def _in_order(names: Iterable[str]) -> list[str]:
    """In the order of the pills; one of the other scenarios after them."""
    places = {kind: place for place, kind in enumerate(_PILLS)}
    return sorted(names, key=lambda name: places.get(scenario_kind(name)[0], len(places)))


def _is_pill(name: str, current: str) -> bool:
    kind, argument = scenario_kind(name)
    few = kind in _PILLS and (kind != "top" or int(argument) <= _TOPS_AS_PILLS)
    return few or name == current


def _pill_title(name: str, listed: Mapping[str, Scenario]) -> str:
    return plain(scenario_title(listed[name])) if name in listed else name
