"""The layer diagram of the plan page: a click on a block or its button freezes or unfreezes it."""

import streamlit as st

from mtl_core.charts.stack import stack_figure
from mtl_core.charts.theme import Palette
from mtl_core.freezing.editing import BlockState, Coverage, block_states, unfreeze_block
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.freezing.table import State
from mtl_core.freezing.table_text import SIGNS
from mtl_core.freezing.titles import block_title
from mtl_core.ui.freeze.edit_block import clickable_diagram
from mtl_core.ui.freeze.overview import (
    facts,
    headline,
    page_facts,
    stack_picture,
    trained_layers,
)
from mtl_core.ui.freeze.table_view import parameter_view
from mtl_core.ui.plan.edits import edit, seed_field, toggle
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import header, plain, wide_columns
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

_HEIGHT = 430
_TALL_HEIGHT = 560  # keeps the blocks large enough for touch if there are many layers
_MANY_LAYERS = 12
_PICTURE_ROWS = 3  # of the parameter table, so that a plan of a dozen lines fits one screen


def plan_stack(chosen: ResolvedChoice, colors: Palette) -> None:
    """Draw the diagram and its buttons."""
    layers, phases = chosen.model.backbone.layers, len(chosen.tables)
    where = f" in phase {chosen.choice.phase}, {plain(chosen.table.phase.name)}" * (phases > 1)
    st.markdown(f"**Click a block** to freeze or unfreeze it{where}.")
    clickable_diagram(
        chosen,
        stack_figure(
            chosen.table, chosen.model, colors, _TALL_HEIGHT if layers > _MANY_LAYERS else _HEIGHT
        ),
        f"{trained_layers(chosen)}; the buttons below have the same effect as clicks",
    )
    _frozen_by_rule(chosen)
    _buttons(chosen)


def plan_picture(chosen: ResolvedChoice, colors: Palette) -> None:
    """Draw the page as a picture for a document: the selected phase and the plan's text."""
    header(headline(chosen.tables), page_facts(chosen), buttons=1)
    left, right = wide_columns("picture", [5, 8])
    with left:
        stack_picture(chosen, colors)
    with right:
        facts(chosen, colors)
        st.code(plan_to_yaml(chosen.plan), language=None)
    parameter_view(chosen.table, chosen.plan_phrase, colors, _PICTURE_ROWS, with_filters=False)


def _buttons(chosen: ResolvedChoice) -> None:
    """Draw the blocks as buttons, for keyboard and touch; selected blocks are trained."""
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
        sign = (
            SIGNS[State.UNREACHED] if name in whole and name in unreached else _sign(states[name])
        )
        return f"{sign} {plain(block_title(states[name].block, chosen.model))}"

    seed_field(Key.PLAN_BLOCKS, whole)
    st.pills(
        "Trained in this phase",
        list(states),
        selection_mode="multi",
        key=Key.PLAN_BLOCKS,
        format_func=title,
        on_change=_pressed,
        args=(chosen, frozenset(whole)),
        wrap=True,
        help="◐ is partly trained; select it to train all of it. ○ is selected for training, but "
        "no loss depends on it.",
    )


def _sign(state: BlockState) -> str:
    if state.frozen_by:
        return ":material/lock:"
    if state.coverage is Coverage.PARTIAL:
        return "◐"
    return SIGNS[State.TRAINABLE if state.coverage is Coverage.FULL else State.FROZEN]


def _frozen_by_rule(chosen: ResolvedChoice) -> None:
    """If the clicked block is frozen by a `freeze` rule, name the rule and offer to remove it."""
    group = st.session_state.get(Key.FROZEN_BLOCK)
    phase = chosen.choice.phase
    states = block_states(chosen.plan, phase, chosen.model)
    state = next((each for each in states if group in each.block.groups and each.frozen_by), None)
    if state is None:
        return
    rules = " and ".join(f"`{rule}`" for rule in state.frozen_by)
    name = plain(block_title(state.block, chosen.model))
    several = len(state.frozen_by) > 1
    st.warning(
        f"**{name} stays frozen**: the {'rules' if several else 'rule'} {rules} "
        f"{'apply' if several else 'applies'} to every phase.",
        icon=":material/lock:",
    )
    st.button(
        f"Remove {'the rules' if several else 'the rule'} and train it",
        key=Key.UNFREEZE,
        icon=":material/lock_open:",
        on_click=edit,
        args=(chosen, lambda plan, model: unfreeze_block(plan, phase, state.block.name, model)),
    )


def _pressed(chosen: ResolvedChoice, before: frozenset[str]) -> None:
    for name in before ^ frozenset(st.session_state.get(Key.PLAN_BLOCKS) or ()):
        toggle(chosen, name)
