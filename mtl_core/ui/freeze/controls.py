"""The controls of the Freeze page: checkpoint, scenario, phase, learning rates, code and export."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import prod
from pathlib import Path

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.freezing.plan import Plan, with_gentle_decay
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.freezing.scenarios import Scenario, scenario_kind, scenarios
from mtl_core.freezing.snippet import torch_snippet
from mtl_core.freezing.table import ParameterTable
from mtl_core.freezing.table_text import as_csv, as_markdown, listing, rate_text
from mtl_core.freezing.titles import scenario_title
from mtl_core.models.cache import catalogue_description
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint
from mtl_core.models.local_checkpoints import LocalCheckpoint, local_checkpoints
from mtl_core.ui.shared.arms import add_arm_button, arm_of_choice
from mtl_core.ui.shared.choice import change_choice, seed_plan_widget, seed_widget
from mtl_core.ui.shared.data_picker import data_picker
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import download, plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.shot import shot_links
from mtl_core.ui.shared.vector_field import vector_field

_CHECKPOINT_WIDTH = 265
_CODE_HEIGHT = 420
_TOPS_AS_PILLS = 3
_MOST_SEGMENTS = 6  # plans with more phases show them in a list
_PILLS = ("heads-only", "top", "full", "gradual", "discriminative", "freeze-head", "frozen")
"""Scenario kinds with a pill, in display order. All others are in the list under More."""


def checkpoint_picker(chosen: ResolvedChoice) -> None:
    """Select a checkpoint of the catalogue or of the configured folders, or enter another one."""
    folders = the_lab().settings.checkpoint_roots
    local = {each.name: each for each in local_checkpoints(folders)}
    names = [*(name for name in local if name not in catalogue_names()), *catalogue_names()]
    current = chosen.choice.checkpoint
    seed_widget(Key.CHECKPOINT)
    with st.container(gap=None, width=_CHECKPOINT_WIDTH):
        st.selectbox(
            "Checkpoint",
            names if current in names else [*names, current],
            key=Key.CHECKPOINT,
            format_func=lambda name: _label(name, local),
            accept_new_options=True,
            on_change=change_choice,
            kwargs={"phase": 1},
            help="Select a checkpoint, or enter a Hugging Face hub id that is in this machine's "
            "cache. Checkpoints marked 'ready' can be trained: their weights are on this machine. "
            f"The others can only be inspected. {_folders_help(folders)}",
        )
        st.page_link(
            "pages/checkpoints.py",
            label=":small[:gray[Compare checkpoints]]",
            query_params=chosen.choice.as_query(),
        )


def scenario_picker(chosen: ResolvedChoice) -> None:
    """Select a scenario. The More popover is above the pills, which need the width on a phone."""
    with st.container(gap=None, width="stretch"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(":small[Trainable part]", width="content")
            _more_popover(chosen)
            add_arm_button(lambda: arm_of_choice(chosen))
        _scenario_pills(chosen)


def _scenario_pills(chosen: ResolvedChoice) -> None:
    """Draw a pill for each common scenario that fits the model, and for the selected one.

    With a plan of the visitor's own none is selected; a click on one leaves the plan.
    """
    listed = {scenario.name: scenario for scenario in scenarios(chosen.model)}
    own_plan = chosen.scenario is None
    key = Key.LEAVE_PLAN if own_plan else Key.SCENARIO
    if not own_plan:
        seed_widget(key)
    st.pills(
        "Trainable part",
        [name for name in _in_pill_order(listed) if _is_pill(name, chosen.choice.scenario)],
        key=key,
        format_func=lambda name: _pill_title(name, listed),
        label_visibility="collapsed",
        required=not own_plan,
        wrap=True,
        on_change=_choose_pill,
        args=(key,),
    )


def phase_picker(chosen: ResolvedChoice) -> None:
    """Select the phase to show. Draws nothing if the plan has one phase."""
    if len(chosen.tables) == 1:
        return
    names = {table.phase_number: table.phase.name for table in chosen.tables}

    def title(number: int) -> str:
        return f"{number}  {names[number]}" if number in names else str(number)

    seed_widget(Key.PHASE)
    if len(names) > _MOST_SEGMENTS:
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


def _more_popover(chosen: ResolvedChoice) -> None:
    """Draw the less common settings: scenarios, learning rates, data, sentence vector, own plan.

    The widgets are drawn only while the popover is open. Otherwise the browser would keep sending
    the old value of a hidden widget after the page had changed it.
    """
    popover = st.popover(
        "More", icon=":material/tune:", key=Key.MORE, type="tertiary", on_change="rerun"
    )
    if not popover.open:
        return
    with popover:
        _top_layers(chosen)
        _other_scenarios(chosen)
        _learning_rates(chosen.table)
        data_picker(the_lab().settings, chosen.choice.data)
        vector_field(chosen.model.backbone)
        seed_plan_widget()
        st.text_area(
            "Your own plan",
            key=Key.PLAN,
            height=150,
            placeholder="name: biases\nphases:\n  - {name: all, train: [heads, biases]}",
            help="The text of a plan file. It replaces the scenario. Export the current plan to "
            "get a starting point. Clear the field to return to the scenarios.",
            on_change=change_choice,
            kwargs={"phase": 1},
        )
        st.page_link(
            "pages/plan.py", label="Edit the plan on its own page", icon=":material/touch_app:"
        )


def _top_layers(chosen: ResolvedChoice) -> None:
    backbone = chosen.model.backbone
    if backbone.shares_layers or chosen.scenario is None:
        return
    st.selectbox(
        "Heads and the last N layers",
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


def gentle_decay_button(plan: Plan) -> None:
    """Draw a button that replaces the plan's layer decay by 0.95 per layer."""
    st.button(
        "Use 0.95 per layer",
        key=Key.GENTLE_DECAY,
        type="tertiary",
        help="Each layer gets 0.95 times the learning rate of the layer above it; nothing else "
        "changes. The new plan replaces the scenario. Its text is under More.",
        on_click=change_choice,
        kwargs={"plan": plan_to_yaml(with_gentle_decay(plan)), "phase": 1},
    )


def _learning_rates(table: ParameterTable) -> None:
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
            placeholder=f"{rate_text(rate)} (from the plan)",
        )


def code_popover(chosen: ResolvedChoice) -> None:
    """Show the plan as a PyTorch program, and the list of trainable and frozen parameters."""
    with st.popover("Code", icon=":material/code:"):
        program, names = st.tabs(["PyTorch", "Listing"])
        source = chosen.checkpoint.hub_id or chosen.choice.checkpoint
        program.code(
            torch_snippet(
                chosen.tables,
                chosen.model,
                source,
                weight_decay=chosen.choice.weight_decay,
                max_grad_norm=chosen.choice.max_grad_norm,
                head_dropout=chosen.choice.head_dropout,
                frozen_dropout=chosen.choice.frozen_dropout,
            ),
            language="python",
            height=_CODE_HEIGHT,
        )
        names.code(listing(chosen.table), language=None, height=_CODE_HEIGHT)


def export_popover(chosen: ResolvedChoice) -> None:
    """Download the table and the plan as files. Each file is created on click."""
    table, stem = chosen.table, _stem(chosen)
    with st.popover("Export", icon=":material/download:"):
        for label, name, mime, make in (
            ("Table as CSV", f"{stem}.csv", "text/csv", lambda: as_csv(table)),
            ("Table as Markdown", f"{stem}.md", "text/markdown", lambda: as_markdown(table)),
            (
                "Plan as YAML",
                f"{stem}.plan.yaml",
                "application/yaml",
                lambda: plan_to_yaml(chosen.plan),
            ),
        ):
            download(label, name, mime, f"export_{mime}", make)
        shot_links()
        st.caption("The address of this page contains your selections. Copy it to share them.")


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


def _choose_pill(key: Key) -> None:
    name = st.session_state.get(key)
    if isinstance(name, str):
        change_choice(scenario=name, plan="", phase=1)


def _in_pill_order(names: Iterable[str]) -> list[str]:
    """Sort scenario names by the order of the pills; other scenarios come last."""
    order = {kind: position for position, kind in enumerate(_PILLS)}
    return sorted(names, key=lambda name: order.get(scenario_kind(name)[0], len(order)))


def _is_pill(name: str, current: str) -> bool:
    kind, argument = scenario_kind(name)
    common = kind in _PILLS and (kind != "top" or int(argument) <= _TOPS_AS_PILLS)
    return common or name == current


def _pill_title(name: str, listed: Mapping[str, Scenario]) -> str:
    return plain(scenario_title(name)) if name in listed else name


def catalogue_names() -> tuple[str, ...]:
    """The names of the catalogue's checkpoints."""
    return tuple(entry.name for entry in catalogue())


def _folders_help(folders: Sequence[Path]) -> str:
    """Where checkpoints of one's own belong."""
    if not folders:
        return (
            "Your own checkpoints are listed here if FREEZE_LAB_CHECKPOINTS is set to their folder "
            "when the dashboard starts."
        )
    named = ", ".join(f"`{folder}`" for folder in folders)
    return f"Your own checkpoints are the folders with a config.json below {named}."


def _label(reference: str, local: Mapping[str, LocalCheckpoint]) -> str:
    """`minilm-l6 · 23 M · ready` for the catalogue, `name · your folder · ready` for others."""
    if reference in local and reference not in catalogue_names():
        return f"{reference} · your folder · {local[reference].problem or 'ready'}"
    count = _catalogue_counts().get(reference)
    if count is None:
        return reference
    ready = " · ready" if has_weights(resolve_checkpoint(reference, the_lab().access)) else ""
    return f"{reference} · {count / 1e6:.0f} M{ready}"


@cache
def _catalogue_counts() -> dict[str, int]:
    """The number of parameters of each checkpoint of the catalogue."""
    tensors = {entry.name: catalogue_description(entry.name).tensors for entry in catalogue()}
    return {
        name: sum(prod(tensor.shape) for tensor in each if not tensor.tied_to)
        for name, each in tensors.items()
    }


def _stem(chosen: ResolvedChoice) -> str:
    """A file name from checkpoint, scenario and phase."""
    parts = [Path(chosen.checkpoint.name).name, chosen.scenario or "plan"]
    if len(chosen.tables) > 1:
        parts.append(f"phase-{chosen.choice.phase}")
    return "-".join(parts).replace(":", "-").replace("/", "-")
