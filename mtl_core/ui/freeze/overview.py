"""The content of the Freeze page: headline, layer diagram, counts, learning rates and lesson."""

from collections.abc import Sequence
from datetime import date

import streamlit as st

from mtl_core.charts.parameters import shares_figure
from mtl_core.charts.rates import negligible_groups, rate_ratio, rates_figure, schedule_figure
from mtl_core.charts.stack import STACK_HEIGHT, stack_figure
from mtl_core.charts.theme import Palette
from mtl_core.freezing.table import ParameterTable, State, layers_crossed
from mtl_core.freezing.table_text import NO_EFFECT, SIGNS, no_effect_notes, rate_text
from mtl_core.freezing.titles import task_titles
from mtl_core.lessons.scenario_lessons import Lesson, lesson, own_plan_lesson
from mtl_core.models.checkpoint import has_weights
from mtl_core.models.checkpoint_notes import checkpoint_notes
from mtl_core.models.description import BackboneDescription, Role
from mtl_core.tasks.data_name import data_name
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.text import counted, percent
from mtl_core.ui.freeze.controls import gentle_decay_button
from mtl_core.ui.freeze.edit_block import clickable_diagram, edit_block_buttons
from mtl_core.ui.freeze.figures import shared_chart, shared_figure
from mtl_core.ui.shared.chart import chart
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.shot import taking_shot

_ROWS = 8  # of the parameter table, so that the page fits one screen
_FEWEST_ROWS = 5
_ROWS_OF_RATES = 2  # the height of the figure of learning rates, in table rows
_BADGE_COLORS = {State.TRAINABLE: "orange", State.FROZEN: "blue", State.UNREACHED: "gray"}


def headline(tables: Sequence[ParameterTable]) -> str:
    """The headline of the page: the number of trainable parameters, of all phases of the plan."""
    counts, totals = [table.totals.trainable for table in tables], tables[0].totals
    if not any(counts):
        state = "are frozen" if totals.frozen == totals.all else "keep their values"
        return f"Nothing is trained: all {totals.all:,} parameters {state}"
    share = f": {share_text(totals.trainable_share)}" if len(tables) == 1 else ""
    return f":orange[{_counts_text(counts)}] of {totals.all:,} parameters are trainable{share}"


def _counts_text(counts: Sequence[int]) -> str:
    """`2,310`, or with phases `2,310, then 1,776,774` and `2,310, then up to 5,325,702`."""
    first, *later = counts
    if not later:
        return f"{first:,}"
    return f"{first:,}, then {'up to ' if len(later) > 1 else ''}{max(later):,}"


def page_facts(chosen: ResolvedChoice) -> list[str]:
    """The facts below the headline: checkpoint, plan, learning rates, tasks, data and date."""
    tasks = ", ".join(task_titles(chosen.model))
    data = data_name(
        chosen.choice.data, (task.name for task in chosen.model.tasks), chosen.data_name
    )
    weights = "" if has_weights(chosen.checkpoint) else "no weights on this machine"
    return [
        plain(chosen.checkpoint.name),
        weights,
        plain(chosen.plan_phrase),
        rate_facts(chosen.table),
        plain(data if is_upload(chosen.choice.data) else f"{tasks} ({data})"),
        f"{date.today():%d %b %Y}".removeprefix("0"),
    ]


def weight_problems(chosen: ResolvedChoice) -> tuple[str, ...]:
    """Why training will refuse the weights of a checkpoint outside the catalogue."""
    if chosen.checkpoint.entry is not None:
        return ()
    return checkpoint_notes(chosen.checkpoint, chosen.model.backbone).problems


def stack_picture(chosen: ResolvedChoice, colors: Palette) -> None:
    """Draw the layer diagram and, below it, the number of tensors by state.

    A click on a block freezes or trains it, unless a picture is taken. What a click changes is
    below, so that the next click meets the same block.
    """
    table, height = chosen.table, _stack_height(chosen)
    figure = shared_figure(
        Key.STACK,
        chosen,
        colors,
        lambda: stack_figure(table, chosen.model, colors, height),
        height,
    )
    if taking_shot():
        chart(figure, trained_layers(chosen), Key.STACK)
    else:
        finding = f"{trained_layers(chosen)}; the field Part offers a button for each block"
        clickable_diagram(chosen, figure, finding)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for state, count in table.tensors.items():
            if count or state is not State.UNREACHED:
                text = f"{SIGNS[state]} {state} · {counted(count, 'tensor')}"
                if state is State.UNREACHED:  # the metrics have the counts of the other states
                    text += f", {table.totals.unreached:,} parameters"
                st.markdown(f":{_BADGE_COLORS[state]}-badge[{text}]", width="content")
        if table.without_effective_update:
            st.markdown(
                f":gray-badge[{NO_EFFECT} no effective update · {table.without_effective_update}]",
                width="content",
                help=" ".join(no_effect_notes(table)),
            )
        if not taking_shot():
            edit_block_buttons(chosen)


def trained_layers(chosen: ResolvedChoice) -> str:
    """The finding of the layer diagram: the number of trainable parameters in this phase."""
    totals = chosen.table.totals
    return (
        f"The layers of {chosen.checkpoint.name} from heads to embeddings: "
        f"{totals.trainable:,} of {totals.all:,} parameters are trainable"
    )


def facts(chosen: ResolvedChoice, colors: Palette) -> None:
    """Draw four metrics, and the parameters by block or, if they differ, the rates by block."""
    table, backbone = chosen.table, chosen.model.backbone
    totals, tensors = table.totals, table.tensors
    crossed = layers_crossed(table, backbone)
    with st.grid(4, min_column_width=150):
        st.metric(
            "Trainable parameters",
            f"{totals.trainable:,}",
            f"{share_text(totals.trainable_share)} of all",
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
            "Layers in the backward pass",
            f"{crossed} of {backbone.depth}",
            _where_gradient_stops(table, backbone),
            delta_color="gray",
            delta_arrow="off",
        )
        heads, encoder = _rates(table)
        st.metric("Learning rate, heads", heads, encoder, delta_color="gray", delta_arrow="off")
    if has_rates_by_layer(table):
        _rates_by_layer(chosen, colors)
    else:
        shared_chart(
            Key.SHARES,
            chosen,
            colors,
            lambda: shares_figure(table, colors),
            finding=f"{share_text(table.totals.trainable_share)} of the parameters are trainable",
        )


def rows_shown(chosen: ResolvedChoice, taken: int = 0) -> int:
    """Number of table rows that fit beside the diagram; `taken` rows are used by other text."""
    rows = _ROWS - 1 if len(chosen.tables) > 1 else _ROWS
    rows -= _ROWS_OF_RATES if has_rates_by_layer(chosen.table) else 0
    return max(rows - taken, _FEWEST_ROWS)


def _stack_height(chosen: ResolvedChoice) -> int:
    """The height of the layer diagram; one table row less if the phase picker is shown."""
    return STACK_HEIGHT - 29 if len(chosen.tables) > 1 else STACK_HEIGHT


def has_rates_by_layer(table: ParameterTable) -> bool:
    """Whether the page shows the learning rates by block instead of other figures."""
    return table.plan.layer_decay > 1 and table.totals.trainable > 0


def _rates_by_layer(chosen: ResolvedChoice, colors: Palette) -> None:
    table = chosen.table
    ratio, negligible = rate_ratio(table), len(negligible_groups(table))
    text = f"Learning rate by block: the lowest is 1/{ratio:,.0f} of the encoder's highest."
    if negligible:
        blocks = "block hardly changes" if negligible == 1 else "blocks hardly change"
        text += f" **With such low rates, {negligible} {blocks}.**"
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(f":small[{text}]", width="content")
        if negligible:
            gentle_decay_button(table.plan)
    shared_chart(
        Key.RATES,
        chosen,
        colors,
        lambda: rates_figure(table, colors),
        finding=f"Learning rate by block: the lowest is 1/{ratio:,.0f} of the encoder's highest",
    )


def _where_gradient_stops(table: ParameterTable, backbone: BackboneDescription) -> str:
    stops = table.gradient_stops_at
    if stops is None:
        return "no backward pass"
    if layers_crossed(table, backbone) == 0:
        return "stops at the heads"
    if layers_crossed(table, backbone) == backbone.depth and stops != "layer 0":
        return f"down to {'the embeddings' if stops == 'embeddings' else stops}"
    return f"stops at {stops}"


def _rates(table: ParameterTable) -> tuple[str, str]:
    """The learning rate of the heads, and that of the encoder with its label."""
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
    """The learning rates as one of the page's facts: `heads at 1e-2, encoder at 5e-5`."""
    heads, encoder = _rates(table)
    if table.totals.trainable == 0:
        return "no learning rates"
    parts = [] if heads == "–" else [f"heads at {heads}"]
    if encoder != "encoder frozen":
        parts.append(encoder.replace("encoder ", "encoder at ", 1))
    return ", ".join(parts)


def lesson_columns(chosen: ResolvedChoice) -> None:
    """Draw the lesson of the selected scenario in three columns, with its sources."""
    texts = (
        own_plan_lesson(chosen.plan.name) if chosen.scenario is None else lesson(chosen.scenario)
    )
    columns = st.columns(3, gap="medium")
    for column, title, text in zip(
        columns,
        ("**What it means**", "**What it implies**", f"**When to use it**{_sources(texts)}"),
        (texts.means, texts.implies, texts.when),
        strict=True,
    ):
        column.markdown(f":small[{title}]  \n:small[{text}]")


def _sources(texts: Lesson) -> str:
    """Links to the papers, each with the section."""
    links = [f"[{source.short}]({source.url})" for source in texts.sources]
    return f" :gray[· {' · '.join(links)}]" if links else ""


def share_text(share: float) -> str:
    """`0.004 %`, `6.5 %`, `100 %`: one decimal, or one digit below one percent."""
    return percent(share, 0 if share < 0.01 else 1)


def schedule_view(chosen: ResolvedChoice, colors: Palette) -> None:
    """Draw the learning rate over the run in an expander; nothing if no tensor is trainable."""
    if not any(table.totals.trainable for table in chosen.tables):
        return
    epochs, schedule = chosen.choice.epochs, chosen.plan.schedule
    with st.expander("Learning rate over the run"):
        st.caption(
            f"Schedule: {schedule}, restarted in each phase, over {epochs:g} epochs. Dashed lines "
            "are heads. A part without a line is frozen."
        )
        shared_chart(
            Key.SCHEDULE,
            chosen,
            colors,
            lambda: schedule_figure(chosen.tables, epochs, colors),
            epochs,
            finding=f"Learning rate of each part of the model over {epochs:g} epochs",
        )
