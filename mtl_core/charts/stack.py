"""The layer stack: the model as blocks, what learns in vermilion, and how far the gradient goes."""

from html import escape
from typing import Any

import plotly.graph_objects as go

from mtl_core.charts.blocks import HEADS_HEIGHT, STACK_WIDTH, Block, stack_blocks
from mtl_core.charts.theme import Palette, base_layout
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.freezing.writing import SIGNS, rate_text
from mtl_core.models.description import ModelDescription, Role

STACK_HEIGHT = 462
_FORWARD_X = STACK_WIDTH + 0.03
_GRADIENT_X = STACK_WIDTH + 0.105
_GLYPH = 7.2  # pixels of an average letter at size 13
_SMALL_GLYPH = 6.0
_NARROW = 350  # the stack's width that titles must fit, in pixels


def stack_figure(
    table: ParameterTable,
    model: ModelDescription,
    colors: Palette,
    height: int = STACK_HEIGHT,
) -> go.Figure:
    """The model in one phase of a plan, from the heads down to the embeddings.

    Bars carry `customdata` (group, state, tensors, parameters) and can be selected; a block whose
    tensors are in several states is divided by their share of its parameters. The rail shows the
    forward pass in grey and, down to the lowest tensor that learns, the gradient.
    """
    blocks = stack_blocks(table, model, height - 2)
    figure = go.Figure()
    for state in State:
        _draw_state(figure, blocks, state, table, colors)
    for block in blocks:
        _write_block(figure, block, colors)
    _draw_rail(figure, blocks, table, colors)
    figure.update_layout(
        base_layout(
            colors,
            height,
            margin={"l": 0, "r": 0, "t": 0, "b": 0},
            xaxis={"range": [-0.003, 1], "visible": False},
            yaxis={"range": [height - 1, -1], "visible": False},
            barmode="overlay",
            hovermode="closest",
        )
    )
    return figure


def _draw_state(
    figure: go.Figure,
    blocks: tuple[Block, ...],
    state: State,
    table: ParameterTable,
    colors: Palette,
) -> None:
    """All bars of one state as one trace; unreached ones get a dotted edge of their own."""
    spans = [
        (block, segment, left, right)
        for block in blocks
        for segment, left, right in block.spans()
        if segment.state is state
    ]
    style = colors.states[state]
    figure.add_bar(
        name=str(state),
        orientation="h",
        base=[left for _, _, left, _ in spans],
        x=[right - left for _, _, left, right in spans],
        y=[(block.top + block.bottom) / 2 for block, *_ in spans],
        width=[block.bottom - block.top for block, *_ in spans],
        customdata=[
            [block.groups[0], str(state), segment.tensors, segment.count]
            for block, segment, *_ in spans
        ],
        hovertext=[_hover(block, table) for block, *_ in spans],
        hoverinfo="text",
        marker={
            "color": style.fill,
            "line": {"color": style.edge, "width": 1 if style.dash == "solid" else 0},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )
    if style.dash != "solid":
        for block, _, left, right in spans:
            edge = {"color": style.edge, "width": 1.4, "dash": style.dash}
            figure.add_shape(
                type="rect", x0=left, x1=right, y0=block.top, y1=block.bottom, line=edge
            )


def _write_block(figure: go.Figure, block: Block, colors: Palette) -> None:
    """Title and count inside a block: two lines in the top row, one line in the stack."""
    if block.role in (Role.HEAD, Role.POOLER):
        _write_two_lines(figure, block, colors)
    else:
        _write_one_line(figure, block, colors)


def _write_two_lines(figure: go.Figure, block: Block, colors: Palette) -> None:
    ink = colors.states[block.main.state].on_fill
    width = (block.right - block.left) / STACK_WIDTH * _NARROW
    title = block.title
    if len(title) * _GLYPH > width - 8:
        title = title.partition("  ")[0]
    sign = SIGNS[block.main.state]
    count = f"{sign} {_count(block)}"
    if len(count) * _SMALL_GLYPH > width:
        count = sign
    middle = (block.top + block.bottom) / 2
    for text, size, above in ((f"<b>{escape(title)}</b>", 13, 10), (count, 11.5, -12)):
        figure.add_annotation(
            showarrow=False,
            x=(block.left + block.right) / 2,
            y=middle - above,
            xanchor="center",
            yanchor="middle",
            text=text,
            font={"size": size, "color": ink},
        )


def _write_one_line(figure: go.Figure, block: Block, colors: Palette) -> None:
    """Title at the left of the block's widest segment, count at the right of the block."""
    size = 13 if block.bottom - block.top >= 18 else 10.5
    widest, left, _ = max(block.spans(), key=lambda span: span[2] - span[1])
    signs = " ".join(SIGNS[segment.state] for segment in block.segments)
    last = block.segments[-1].state
    title = f"{signs}  {escape(_fitting(block.title, _NARROW * 0.6))}"
    for text, x, anchor, points, ink in (
        (title, left, "left", size, colors.states[widest.state].on_fill),
        (_count(block), block.right, "right", min(size, 12), colors.states[last].on_fill_muted),
    ):
        figure.add_annotation(
            showarrow=False,
            x=x,
            xanchor=anchor,
            xshift=7 if anchor == "left" else -6,
            y=(block.top + block.bottom) / 2,
            yanchor="middle",
            text=text,
            font={"size": points, "color": ink},
        )


def _draw_rail(
    figure: go.Figure, blocks: tuple[Block, ...], table: ParameterTable, colors: Palette
) -> None:
    lowest = max(block.bottom for block in blocks)
    _arrow(figure, _FORWARD_X, (lowest, 1), {"arrowcolor": colors.axis, "arrowwidth": 1.2})
    figure.add_annotation(
        x=_FORWARD_X,
        xshift=11,
        y=lowest,
        text="forward",
        textangle=-90,
        showarrow=False,
        yanchor="bottom",
        font={"size": 12, "color": colors.muted},
    )
    orange = colors.states[State.TRAINABLE]
    label: dict[str, Any] = {
        "x": _GRADIENT_X,
        "showarrow": False,
        "align": "left",
        "font": {"size": 12, "color": orange.text},
    }
    end = _gradient_end(blocks, table)
    if end is None:
        label["font"] = {"size": 12, "color": colors.muted}
        text = "nothing learns:<br>no gradient"
        figure.add_annotation(
            **label, xanchor="left", xshift=-14, y=HEADS_HEIGHT / 2, yanchor="middle", text=text
        )
        return
    stop = end.bottom if end.bottom > HEADS_HEIGHT else HEADS_HEIGHT - 4
    _arrow(
        figure,
        _GRADIENT_X,
        (2, stop),
        {"arrowcolor": orange.color, "arrowwidth": 2.4},
        name="gradient",
    )
    if stop > lowest - 60:
        reached = "embeddings" if end.role is Role.EMBEDDINGS else "lowest layer"
        text = f"gradient<br>reaches the<br>{reached}"
        figure.add_annotation(
            **label, xanchor="left", xshift=7, y=stop, yanchor="bottom", text=text
        )
        return
    figure.add_annotation(
        **label,
        xanchor="left",
        xshift=-8,
        y=stop + 4,
        yanchor="top",
        text="gradient<br>stops here",
    )


def _arrow(
    figure: go.Figure,
    x: float,
    down: tuple[float, float],
    line: dict[str, Any],
    name: str | None = None,
) -> None:
    figure.add_annotation(
        x=x,
        ax=x,
        ay=down[0],
        y=down[1],
        xref="x",
        yref="y",
        axref="x",
        ayref="y",
        showarrow=True,
        arrowhead=2,
        arrowsize=1.1,
        text="",
        name=name,
        **line,
    )


def _gradient_end(blocks: tuple[Block, ...], table: ParameterTable) -> Block | None:
    stops = table.gradient_stops_at
    return next((block for block in blocks if stops in block.groups), None)


def _count(block: Block) -> str:
    """Parameters; in a narrow block in millions, in a mixed one how many of them learn."""
    if block.role is Role.POOLER and block.count >= 100_000:
        return f"{block.count / 1e6:.2f} M"
    if len(block.segments) > 1 and block.learns:
        return f"{block.learns.count:,} of {block.count:,}"
    return f"{block.count:,}"


def _fitting(title: str, pixels: float) -> str:
    letters = int(pixels / _GLYPH)
    return title if len(title) <= letters else f"{title[: max(letters - 1, 1)].rstrip()}…"


def _hover(block: Block, table: ParameterTable) -> str:
    lines = [f"<b>{escape(', '.join(block.groups))}</b>"]
    lines += [
        f"{SIGNS[each.state]} {each.state}: {each.tensors} tensors, {each.count:,} parameters"
        for each in block.segments
    ]
    rates = [
        group.learning_rate
        for group in table.groups
        if group.name in block.groups and group.learning_rate is not None
    ]
    if rates:
        lines.append(f"learning rate {rate_text(max(rates))}")
    return "<br>".join(lines)
