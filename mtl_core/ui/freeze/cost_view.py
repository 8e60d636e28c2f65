"""What a training step of the chosen plan takes, against full fine-tuning: memory and work."""

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
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.shot import tooltip

_ROWS_OF_REASON = 2  # of the parameter table, so that the page stays one screen high


def cost_view(chosen: ResolvedChoice, colors: Palette, *, with_bars: bool = True) -> int:
    """The work of a step in a line, its memory in two bars; the reasons are in the line's help.

    Why few parameters cost much stands under the line where it is so. Where the architecture
    cannot be traced the line says so. Returns how many rows of the parameter table that takes.
    """
    lab = the_lab()
    try:
        with st.spinner("Tracing what a step takes …"):
            profile = lab.cost_profile(chosen.checkpoint)
    except FreezeLabError as problem:
        st.caption(f"What a step takes is not known. {plain(str(problem))}")
        return 0
    whole = parameter_table(scenario_plan("full", chosen.model), chosen.model)
    size = chosen.choice.batch_size, chosen.choice.max_length
    here, full = (step_cost(profile, chosen.model, each, *size) for each in (chosen.table, whole))
    backbone = chosen.model.backbone
    dear = costs_more_than_its_share(here, full, chosen.table, backbone)
    reason = memory_reason(here, full, chosen.table, backbone)
    help_lines = [
        f"The bars, from the left: {_parts(here)}.",
        *([] if dear else [reason]),
        reuse_note(here, full),
        *filter(None, [embedding_note(chosen.table, backbone)]),
        COUNTING_METHOD,
    ]
    with st.container(gap="xsmall"):
        line = _line(here, full, lab.speed())
        st.markdown(f":small[{line}]", help=tooltip("\n\n".join(help_lines)))
        if dear:
            st.markdown(f":small[{plain(reason)}]")
        if with_bars:
            _memory_bars(here, full, colors)
    return _ROWS_OF_REASON if dear else 0


def _memory_bars(here: StepCost, full: StepCost, colors: Palette) -> None:
    st.plotly_chart(
        memory_figure(here, full, colors),
        theme=None,
        config={"displayModeBar": False},
        key=Key.COST,
        alt=f"Memory of one step: {megabytes(here.memory_bytes)}, full fine-tuning "
        f"{megabytes(full.memory_bytes)}",
    )


def _parts(cost: StepCost) -> str:
    """What the bar's pieces are: on a phone they have no room for their names."""
    return ", ".join(f"{part.label} {megabytes(part.bytes)}" for part in memory_parts(cost))


def _line(cost: StepCost, full: StepCost, speed: Speed | None) -> str:
    """`One step of 16 × 128 tokens: 33 % of full's work, 0.002 % with the frozen part reused …`."""
    batch = f"**One step** of {cost.batch_size} × {cost.max_length} tokens"
    if not cost.backward_flops:
        return f"{batch}: nothing learns, so no step is taken"
    work = f"{batch}: **{share(cost.flops, full.flops)}** of full's work"
    if cost.reused_forward_flops < cost.forward_flops:
        work += f", **{share(cost.reused_flops, full.flops)}** with the frozen part reused"
    memory = f"{share(cost.memory_bytes, full.memory_bytes)} of full's memory"
    return " · ".join([work, memory, *_seconds(cost, full, speed)])


def _seconds(cost: StepCost, full: StepCost, speed: Speed | None) -> Sequence[str]:
    if speed is None:
        return []
    return [f"about {speed.seconds(cost):.2g} s here, full {speed.seconds(full):.2g} s"]
