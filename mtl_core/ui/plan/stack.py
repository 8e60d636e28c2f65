"""The stack of the plan page: a click on a block thaws or freezes it, and so does its button."""

import streamlit as st

from mtl_core.charts.stack import stack_figure
from mtl_core.charts.theme import Palette
from mtl_core.freezing.editing import BlockState, Coverage, block_states, unfreeze_block
from mtl_core.freezing.minimal_selectors import PlanBlock
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.freezing.table_text import SIGNS
from mtl_core.freezing.titles import task_title
from mtl_core.models.description import ModelDescription, Role
from mtl_core.ui.freeze.picture import headline
from mtl_core.ui.plan.edits import edit, seed_field, toggle
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

_HEIGHT = 430
_TALL_HEIGHT = 560  # for more than twelve layers, so that a finger can hit one
_MANY_LAYERS = 12
_NAMED_ONE_BY_ONE = 4


def plan_headline(tables: tuple[ParameterTable, ...]) -> str:
    """The page's answer: how many parameters learn in each phase, or from the fewest to the
    most where there are many phases."""
    counts = [table.totals.trainable for table in tables]
    if len(counts) == 1 or not any(counts):
        return headline(tables[0])
    if len(counts) <= _NAMED_ONE_BY_ONE:
        learn = " → ".join(f"{count:,}" for count in counts)
    else:
        learn = f"{min(counts):,} to {max(counts):,}"
    phases = "" if len(counts) <= _NAMED_ONE_BY_ONE else f" over {len(counts)} phases"
    return f":orange[{learn}] of {tables[0].totals.all:,} parameters learn{phases}"


def plan_stack(chosen: ResolvedChoice, colors: Palette) -> None:
    """The picture and its buttons. The picture gets a new key after each click, because a chart
    keeps its selection: the same block could not be clicked twice."""
    key = f"{Key.PLAN_STACK}_{st.session_state.setdefault(Key.PLAN_CLICKS, 0)}"
    layers, phases = chosen.model.backbone.layers, len(chosen.tables)
    where = f" in phase {chosen.choice.phase}, {plain(chosen.table.phase.name)}" * (phases > 1)
    st.markdown(f"**Click a block** to let it learn or to freeze it{where}.")
    st.plotly_chart(
        stack_figure(
            chosen.table, chosen.model, colors, _TALL_HEIGHT if layers > _MANY_LAYERS else _HEIGHT
        ),
        key=key,
        theme=None,
        config={"displayModeBar": False},
        on_select=lambda: _clicked(chosen, key),
        selection_mode="points",
        alt=f"The layers of {chosen.checkpoint.name}; the buttons below do what a click does",
    )
    _held_by_rule(chosen)
    _buttons(chosen)


def block_title(block: PlanBlock, model: ModelDescription) -> str:
    """What a block is called on its button: `NER head`, `layer 3`, `beside the stack`."""
    match block.role:
        case Role.HEAD:
            named = (task.name for task in model.tasks if task.head == block.name)
            return f"{task_title(next(named, block.name))} head"
        case Role.LAYER if model.backbone.shares_layers:
            return f"all {model.backbone.depth} layers"
        case Role.BESIDE:
            return "beside the stack"
        case _:
            return block.name


def _buttons(chosen: ResolvedChoice) -> None:
    """The same without the picture, for keys and thumbs: what is pressed in learns."""
    states = {
        state.block.name: state
        for state in block_states(chosen.plan, chosen.choice.phase, chosen.model)
    }
    whole = [name for name, state in states.items() if state.coverage is Coverage.FULL]
    unreached = {
        group.name
        for group in chosen.table.groups
        if group.totals.unreached and not group.totals.trainable
    }

    def title(name: str) -> str:
        if name not in states:
            return name
        idle = name in whole and name in unreached
        sign = SIGNS[State.UNREACHED] if idle else _sign(states[name])
        return f"{sign} {plain(block_title(states[name].block, chosen.model))}"

    seed_field(Key.PLAN_BLOCKS, whole)
    st.pills(
        "Learns in this phase",
        list(states),
        selection_mode="multi",
        key=Key.PLAN_BLOCKS,
        format_func=title,
        on_change=_pressed,
        args=(chosen, frozenset(whole)),
        wrap=True,
        help="◐ learns in part: pressed, all of it learns. ○ learns by this plan, but no loss "
        "reaches it.",
    )


def _sign(state: BlockState) -> str:
    if state.frozen_by:
        return ":material/lock:"
    if state.coverage is Coverage.PARTIAL:
        return "◐"
    return SIGNS[State.TRAINABLE if state.coverage is Coverage.FULL else State.FROZEN]


def _held_by_rule(chosen: ResolvedChoice) -> None:
    """Where a block was clicked that `freeze` holds: which rule it is, and a way to lift it."""
    group = st.session_state.get(Key.PLAN_HELD)
    phase = chosen.choice.phase
    states = block_states(chosen.plan, phase, chosen.model)
    held = next((each for each in states if group in each.block.groups and each.frozen_by), None)
    if held is None:
        return
    rules = " and ".join(f"`{rule}`" for rule in held.frozen_by)
    name = plain(block_title(held.block, chosen.model))
    several = len(held.frozen_by) > 1
    st.warning(
        f"**{name} stays frozen**: {rules} {'are' if several else 'is'} among the rules that "
        "always freeze, and those win over every phase.",
        icon=":material/lock:",
    )
    st.button(
        f"Lift {'the rules' if several else 'the rule'} and let it learn",
        key=Key.LIFT_RULE,
        icon=":material/lock_open:",
        on_click=edit,
        args=(chosen, lambda plan, model: unfreeze_block(plan, phase, held.block.name, model)),
    )


def _clicked(chosen: ResolvedChoice, key: str) -> None:
    points = st.session_state[key].selection.points
    st.session_state[Key.PLAN_CLICKS] += 1
    if points:
        toggle(chosen, points[0]["customdata"][0])


def _pressed(chosen: ResolvedChoice, before: frozenset[str]) -> None:
    for name in before ^ frozenset(st.session_state.get(Key.PLAN_BLOCKS) or ()):
        toggle(chosen, name)
