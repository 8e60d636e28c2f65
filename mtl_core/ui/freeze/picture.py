"""The picture of the Freeze page and the facts beside it: counts, stack, shares, rates."""

from datetime import date

import streamlit as st

from mtl_core.charts.parameters import shares_figure
from mtl_core.charts.rates import negligible_groups, rate_ratio, rates_figure
from mtl_core.charts.stack import STACK_HEIGHT, stack_figure
from mtl_core.charts.theme import Palette
from mtl_core.freezing.table import ParameterTable, State, layers_crossed
from mtl_core.freezing.table_text import SIGNS, rate_text
from mtl_core.freezing.titles import task_titles
from mtl_core.models.checkpoint import has_weights
from mtl_core.models.description import BackboneDescription, Role
from mtl_core.report.data_words import data_name
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.ui.freeze.pickers import gentler_button
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

_ROWS = 5
_FEWEST_ROWS = 2
_ROWS_OF_RATES = 2  # what the figure of rates takes from the table, memory's bars left out
_STILL_CHART = {"displayModeBar": False}
_BADGE_COLORS = {State.TRAINABLE: "orange", State.FROZEN: "blue", State.UNREACHED: "gray"}


def headline(table: ParameterTable) -> str:
    """The page's answer: how many parameters learn, of how many."""
    totals = table.totals
    if totals.trainable == 0:
        kept = "are frozen" if totals.frozen == totals.all else "keep their values"
        return f"Nothing learns: all {totals.all:,} parameters {kept}"
    share = percent(totals.trainable_share)
    return f":orange[{totals.trainable:,}] of {totals.all:,} parameters learn: {share}"


def percent(share: float) -> str:
    """`0.004 %`, `6.5 %`, `100 %`: one decimal, and below one per cent the first digit."""
    value = share * 100
    if 0 < value < 1:
        return f"{float(f'{value:.1g}'):f}".rstrip("0") + " %"
    return f"{value:.1f}".removesuffix(".0") + " %"


def line_of_facts(chosen: ResolvedChoice) -> list[str]:
    """Where the numbers come from: checkpoint, plan, rates, tasks and data, date."""
    tasks = ", ".join(task_titles(chosen.model))
    data = data_name(chosen.choice.data, (task.name for task in chosen.model.tasks))
    weights = "" if has_weights(chosen.checkpoint) else "weights not here"
    return [
        plain(chosen.checkpoint.name),
        weights,
        plain(chosen.plan_phrase),
        rate_facts(chosen.table),
        plain(data if is_upload(chosen.choice.data) else f"{tasks} ({data})"),
        f"{date.today():%d %b %Y}".removeprefix("0"),
    ]


def stack_picture(chosen: ResolvedChoice, colors: Palette) -> None:
    """Counts by state, then the layer stack. A click on a block shows its tensors in the table."""
    table = chosen.table
    with st.container(horizontal=True, gap="small"):
        for state, count in table.tensors.items():
            if count or state is not State.UNREACHED:
                noun = "tensor" if count == 1 else "tensors"
                st.markdown(
                    f":{_BADGE_COLORS[state]}-badge[{SIGNS[state]} {state} · {count} {noun}]",
                    width="content",
                )
    st.plotly_chart(
        stack_figure(table, chosen.model, colors, _stack_height(chosen)),
        key=Key.STACK,
        theme=None,
        config=_STILL_CHART,
        on_select=_show_block,
        selection_mode="points",
        alt=f"The layers of {chosen.checkpoint.name} from heads to embeddings: "
        f"{table.totals.trainable:,} of {table.totals.all:,} parameters learn",
    )


def _show_block() -> None:
    """Narrow the table to the block that was clicked; to all once nothing is selected."""
    points = st.session_state[Key.STACK].selection.points
    st.session_state[Key.GROUP_FILTER] = points[0]["customdata"][0] if points else None


def facts(chosen: ResolvedChoice, colors: Palette) -> None:
    """Four numbers and where the parameters are; the rates where they differ by layer."""
    table, backbone = chosen.table, chosen.model.backbone
    totals, tensors = table.totals, table.tensors
    crossed = layers_crossed(table, backbone)
    with st.grid(4, min_column_width=150):
        st.metric(
            "Parameters that learn",
            f"{totals.trainable:,}",
            f"{percent(totals.trainable_share)} of all",
            delta_color="orange",
            delta_arrow="off",
        )
        st.metric(
            "Frozen tensors",
            f"{tensors[State.FROZEN]} of {sum(tensors.values())}",
            f"{totals.frozen:,} parameters",
            delta_color="blue",
            delta_arrow="off",
        )
        st.metric(
            "Layers the gradient crosses",
            f"{crossed} of {backbone.depth}",
            _where_it_stops(table, backbone),
            delta_color="gray",
            delta_arrow="off",
        )
        heads, encoder = _rates(table)
        st.metric("Learning rate, heads", heads, encoder, delta_color="gray", delta_arrow="off")
    if has_rates_by_layer(table):
        _rates_by_layer(table, colors)
    else:
        st.plotly_chart(
            shares_figure(table, colors),
            theme=None,
            config=_STILL_CHART,
            key=Key.SHARES,
            alt="Where the parameters are, and which of them learn",
        )


def rows_shown(chosen: ResolvedChoice, taken: int = 0) -> int:
    """Rows of the parameter table that fit beside the picture; `taken` are needed for text."""
    rows = _ROWS - 1 if len(chosen.tables) > 1 else _ROWS
    rows -= _ROWS_OF_RATES if has_rates_by_layer(chosen.table) else 0
    return max(rows - taken, _FEWEST_ROWS)


def _stack_height(chosen: ResolvedChoice) -> int:
    """One row less where the phases take a line, so that the page stays one screen high."""
    return STACK_HEIGHT - 29 if len(chosen.tables) > 1 else STACK_HEIGHT


def has_rates_by_layer(table: ParameterTable) -> bool:
    """Whether the page shows the rates of the blocks, which takes the room of other figures."""
    return table.plan.layer_decay > 1 and table.totals.trainable > 0


def _rates_by_layer(table: ParameterTable, colors: Palette) -> None:
    ratio, still = rate_ratio(table), len(negligible_groups(table))
    text = f"Learning rate by block: the lowest is 1/{ratio:,.0f} of the encoder's highest."
    if still:
        text += f" **{still} {'block is' if still == 1 else 'blocks are'} frozen in all but name.**"
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f":small[{text}]", width="content")
        if still:
            gentler_button(table.plan)
    st.plotly_chart(
        rates_figure(table, colors),
        theme=None,
        config=_STILL_CHART,
        key=Key.RATES,
        alt="Learning rate of each block of the stack, on a logarithmic scale",
    )


def _where_it_stops(table: ParameterTable, backbone: BackboneDescription) -> str:
    stops = table.gradient_stops_at
    if stops is None:
        return "nothing to learn"
    if layers_crossed(table, backbone) == 0:
        return "stops at the heads"
    if layers_crossed(table, backbone) == backbone.depth and stops != "layer 0":
        return f"down to {'the embeddings' if stops == 'embeddings' else stops}"
    return f"stops at {stops}"


def _rates(table: ParameterTable) -> tuple[str, str]:
    """The heads' rate, and the encoder's in words."""
    by_part: dict[bool, list[float]] = {True: [], False: []}
    for row in table.rows:
        if row.learning_rate is not None:
            by_part[row.role is Role.HEAD].append(row.learning_rate)
    heads = rate_text(max(by_part[True])) if by_part[True] else "–"
    if not by_part[False]:
        return heads, "encoder frozen"
    low, high = rate_text(min(by_part[False])), rate_text(max(by_part[False]))
    return heads, f"encoder {high}" if low == high else f"encoder {high} to {low}"


def rate_facts(table: ParameterTable) -> str:
    """The rates for the line of facts: `heads at 1e-2, encoder at 5e-5`."""
    heads, encoder = _rates(table)
    if table.totals.trainable == 0:
        return "no rates"
    parts = [] if heads == "–" else [f"heads at {heads}"]
    if encoder != "encoder frozen":
        parts.append(encoder.replace("encoder ", "encoder at ", 1))
    return ", ".join(parts)
