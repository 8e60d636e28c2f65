"""The controls of the Freeze page: which checkpoint, what learns, which phase, at which rates."""

from functools import cache

import streamlit as st

from mtl_core.freezing.scenarios import Scenario, scenarios
from mtl_core.freezing.table import ParameterTable
from mtl_core.lessons.titles import scenario_title
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.ui.choice import Choice, keep_choice, seed_widget
from mtl_core.ui.chosen import Chosen
from mtl_core.ui.keys import Key

_TOPS_AS_PILLS = 3


def checkpoint_picker(chosen: Chosen) -> None:
    """The catalogue, and a way to type a hub id or a path instead."""
    names = [entry.name for entry in catalogue()]
    current = chosen.choice.checkpoint
    options = names if current in names else [*names, current]
    seed_widget(Key.CHECKPOINT)
    st.selectbox(
        "Checkpoint",
        options,
        key=Key.CHECKPOINT,
        format_func=_checkpoint_label,
        accept_new_options=True,
        help="Pick one, or type a hub id that is in this machine's cache, or the path of a folder "
        "with a config.json below the folders this dashboard may read. Without weights its "
        "parameters can be shown, not trained.",
        width=300,
    )


def scenario_picker(chosen: Chosen) -> None:
    """One pill for each scenario that fits; a top-N beyond the third only while it is chosen."""
    listed = {scenario.name: scenario for scenario in scenarios(chosen.model)}
    names = [name for name in _PILL_ORDER(listed) if _is_pill(name, chosen.choice.scenario)]
    if chosen.scenario is None:
        if st.button("Back to a scenario", icon=":material/undo:"):
            keep_choice(chosen.choice.replace(plan="", phase=1))
            st.rerun()
        return
    seed_widget(Key.SCENARIO)
    st.pills(
        "What learns",
        names,
        key=Key.SCENARIO,
        format_func=lambda name: _pill_title(name, listed),
        required=True,
        wrap=True,
        on_change=_first_phase,
    )
