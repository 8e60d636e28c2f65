"""The cost of a training step compared with full fine-tuning: FLOPs, memory and time."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.charts.cost import memory_figure, memory_parts
from mtl_core.charts.theme import Palette
from mtl_core.cost.estimate import StepCost, step_cost
from mtl_core.cost.explanation import (
    COUNTING_METHOD,
    costs_more_than_its_share,
    embedding_note,
    memory_reason,
    reuse_note,
    share,
)
from mtl_core.cost.speed import Speed
from mtl_core.engine.lab import the_lab
from mtl_core.errors import FreezeLabError
from mtl_core.freezing.resolve import parameter_table
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.text import megabytes
from mtl_core.ui.freeze.figures import shared_chart
from mtl_core.ui.freeze.gpu_view import gpu_popover
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain, spinner_unless
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.shot import taking_shot, tooltip

_ROWS_OF_REASON = 2  # the height of the explanation, in rows of the parameter table


def cost_view(chosen: ResolvedChoice, colors: Palette, *, with_bars: bool = True) -> int:
    """Draw the cost of a step as a line and its memory as two bars.

    Details are in the tooltip of the line. If a plan with few trainable parameters needs much
    memory, the reason is shown below the line. If the architecture cannot be traced, the line
    shows the error. Returns the height of the explanation in rows of the parameter table.
    """
    lab = the_lab()
    try:
        is_shipped = chosen.checkpoint.entry is not None
        with spinner_unless(is_shipped, "Tracing the cost of a step …"):
            profile = lab.cost_profile(chosen.checkpoint)
    except FreezeLabError as problem:
        st.caption(f"The cost of a step is unknown. {plain(str(problem))}")
        return 0
    full_table = parameter_table(scenario_plan("full", chosen.model), chosen.model)
    size = chosen.choice.batch_size, chosen.choice.max_length
    dropout = chosen.choice.frozen_dropout
    cost = step_cost(profile, chosen.model, chosen.table, *size, frozen_dropout=dropout)
    full = step_cost(profile, chosen.model, full_table, *size)
    backbone = chosen.model.backbone
    needs_reason = costs_more_than_its_share(cost, full, chosen.table, backbone)
    reason = memory_reason(cost, full, chosen.table, backbone)
    help_lines = [
        f"The bars, from left to right: {_parts(cost)}.",
        *([] if needs_reason else [reason]),
        reuse_note(cost, full),
        *filter(None, [embedding_note(chosen.table, backbone)]),
        COUNTING_METHOD,
    ]
    with st.container(gap="xsmall"):
        line = _line(cost, full, lab.speed())
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            text, details = f":small[{line}]", tooltip("\n\n".join(help_lines))
            st.markdown(text, help=details, width="content")
            if not taking_shot():
                gpu_popover(cost)
        if needs_reason:
            st.markdown(f":small[{plain(reason)}]")
        if with_bars:
            _memory_bars(chosen, cost, full, colors)
    return _ROWS_OF_REASON if needs_reason else 0


def _memory_bars(chosen: ResolvedChoice, cost: StepCost, full: StepCost, colors: Palette) -> None:
    shared_chart(
        Key.COST,
        chosen,
        colors,
        lambda: memory_figure(cost, full, colors),
        cost.batch_size,
        cost.max_length,
        cost.frozen_dropout,
        finding=f"Memory of one step: {megabytes(cost.memory_bytes)}, full fine-tuning "
        f"{megabytes(full.memory_bytes)}",
    )


def _parts(cost: StepCost) -> str:
    """The names and sizes of the bar's parts, whose labels do not fit on a phone."""
    return ", ".join(f"{part.label} {megabytes(part.bytes)}" for part in memory_parts(cost))


def _line(cost: StepCost, full: StepCost, speed: Speed | None) -> str:
    """`One step of 16 × 128 tokens, relative to full fine-tuning: 33 % FLOPs …`."""
    batch = f"**One step** of {cost.batch_size} × {cost.max_length} tokens"
    if not cost.backward_flops:
        return f"{batch}: nothing is trained, so there are no steps"
    flops = f"**{share(cost.flops, full.flops)}** FLOPs"
    if cost.reused_forward_flops < cost.forward_flops:
        flops += f" (**{share(cost.reused_flops, full.flops)}** with reuse)"
    memory = f"{share(cost.memory_bytes, full.memory_bytes)} memory"
    parts = " · ".join([flops, memory, *_seconds(cost, full, speed)])
    return f"{batch}, relative to full fine-tuning: {parts}"


def _seconds(cost: StepCost, full: StepCost, speed: Speed | None) -> Sequence[str]:
    if speed is None:
        return []
    return [f"about {speed.seconds(cost):.2g} s here, full {speed.seconds(full):.2g} s"]
