"""Freeze: the effect of a plan on every tensor of a checkpoint, before training."""

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab, the_lab
from mtl_core.ui.freeze.controls import (
    checkpoint_picker,
    code_popover,
    export_popover,
    phase_picker,
    scenario_picker,
)
from mtl_core.ui.freeze.cost_view import cost_view
from mtl_core.ui.freeze.landing import Landing, landing, landing_for
from mtl_core.ui.freeze.overview import (
    facts,
    has_rates_by_layer,
    headline,
    lesson_columns,
    page_facts,
    rows_shown,
    schedule_view,
    stack_picture,
    weight_problems,
)
from mtl_core.ui.freeze.table_view import parameter_view
from mtl_core.ui.play.runs import played_runs
from mtl_core.ui.play.view import play_page
from mtl_core.ui.shared.choice import ignored_notes, write_address
from mtl_core.ui.shared.page import (
    current_palette,
    header,
    require_app_entry,
    show_ignored,
    to_train_button,
    wide_columns,
)
from mtl_core.ui.shared.resolved_choice import ResolvedChoice, resolve_choice
from mtl_core.ui.shared.shot import frame, taking_shot


def freeze_page(lab: Lab, chosen: ResolvedChoice, colors: Palette) -> None:
    """The table, the picture and the cost of the chosen plan."""
    shot = taking_shot()
    introduction = Landing.NONE if shot else landing_for(lab)
    with frame():
        landing(lab, colors, introduction)
        with header(headline(chosen.tables), page_facts(chosen)):
            if not shot:
                code_popover(chosen)
                export_popover(chosen)
                to_train_button(chosen.choice.as_query(), colors)
        if not shot:
            show_ignored([*ignored_notes(), *weight_problems(chosen)])
            with st.container(horizontal=True, gap="small"):
                checkpoint_picker(chosen)
                scenario_picker(chosen)
            phase_picker(chosen)
        left, right = wide_columns("freeze", [5, 8])
        with left:
            stack_picture(chosen, colors)
        with right:
            facts(chosen, colors)
            cost_rows = cost_view(chosen, colors, with_bars=not has_rates_by_layer(chosen.table))
            parameter_view(
                chosen.table,
                chosen.plan_phrase,
                colors,
                rows_shown(chosen, (introduction is not Landing.NONE) + cost_rows) + 2 * shot,
                with_filters=not shot,
            )
        lesson_columns(chosen)
    if not shot:
        schedule_view(chosen, colors)
    write_address(chosen.choice)


require_app_entry()
lab = the_lab()
chosen, colors = resolve_choice(lab), current_palette()
played = () if taking_shot() else played_runs(lab)
if played:
    play_page(lab, played, colors)
else:
    freeze_page(lab, chosen, colors)
