"""The layer stack: the model as blocks, from the heads down, what learns in vermilion."""

from collections.abc import Iterator, Sequence
from html import escape

import plotly.graph_objects as go

from mtl_core.charts.blocks import STACK_WIDTH, Block, stack_blocks
from mtl_core.charts.rail import Drawn, rail
from mtl_core.charts.theme import Palette, base_layout
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.freezing.table_text import SIGNS, rate_text
from mtl_core.models.description import ModelDescription, Role

STACK_HEIGHT = 462
_GLYPH = 7.2  # pixels of an average letter at size 13
_SMALL_GLYPH = 6.0
_NARROW = 350  # the stack's width that titles must fit, in pixels
_LOW_ROW = 18  # pixels; a row lower than this gets smaller letters


def stack_figure(
    table: ParameterTable,
    model: ModelDescription,
    colors: Palette,
    height: int = STACK_HEIGHT,
) -> go.Figure:
    """The model in one phase of a plan, from the heads down to the embeddings.

    Bars carry `customdata` (group, state, tensors, parameters) and can be selected; a block whose
    tensors are in several states is divided by their share of its parameters. The rail shows the
    forward pass in grey and, down to the lowest tensor that learns, the gradient: the annotation
    named "gradient".
    """
    blocks = stack_blocks(table, model, height - 2)
    words = [drawn for block in blocks for drawn in _words_in(block, colors)]
    layout = base_layout(
        colors,
        height,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        xaxis={"range": [-0.003, 1], "visible": False},
        yaxis={"range": [height - 1, -1], "visible": False},
        barmode="overlay",
        hovermode="closest",
        annotations=[*words, *rail(blocks, table, colors)],
        shapes=list(_dotted_edges(blocks, colors)),
    )
    return go.Figure([_bars(blocks, state, table, colors) for state in State], layout)


def _bars(blocks: Sequence[Block], state: State, table: ParameterTable, colors: Palette) -> Drawn:
    """All bars of one state as one trace."""
    spans = [
        (block, segment, left, right)
        for block in blocks
        for segment, left, right in block.spans()
        if segment.state is state
    ]
    style = colors.states[state]
    return {
        "type": "bar",
        "name": str(state),
        "orientation": "h",
        "base": [left for _, _, left, _ in spans],
        "x": [right - left for _, _, left, right in spans],
        "y": [(block.top + block.bottom) / 2 for block, *_ in spans],
        "width": [block.bottom - block.top for block, *_ in spans],
        "customdata": [
            [block.groups[0], str(state), segment.tensors, segment.count]
            for block, segment, *_ in spans
        ],
        "hovertext": [_hover(block, table) for block, *_ in spans],
        "hoverinfo": "text",
        "marker": {
            "color": style.fill,
            "line": {"color": style.edge, "width": 1 if style.dash == "solid" else 0},
        },
        "selected": {"marker": {"opacity": 1}},
        "unselected": {"marker": {"opacity": 1}},
    }


def _dotted_edges(blocks: Sequence[Block], colors: Palette) -> Iterator[Drawn]:
    """Edges of the segments whose state has a broken line, which a bar cannot draw."""
    for block in blocks:
        for segment, left, right in block.spans():
            style = colors.states[segment.state]
            if style.dash != "solid":
                yield {
                    "type": "rect",
                    "x0": left,
                    "x1": right,
                    "y0": block.top,
                    "y1": block.bottom,
                    "line": {"color": style.edge, "width": 1.4, "dash": style.dash},
                }


def _words_in(block: Block, colors: Palette) -> Iterator[Drawn]:
    """Title and count inside a block: two lines in the top row, one line in the stack."""
    if block.role in (Role.HEAD, Role.POOLER):
        return _two_lines(block, colors)
    return _one_line(block, colors)


def _two_lines(block: Block, colors: Palette) -> Iterator[Drawn]:
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
        yield {
            "showarrow": False,
            "x": (block.left + block.right) / 2,
            "y": middle - above,
            "xanchor": "center",
            "yanchor": "middle",
            "text": text,
            "font": {"size": size, "color": ink},
        }


def _one_line(block: Block, colors: Palette) -> Iterator[Drawn]:
    """Title and count at the two ends of the block's widest segment."""
    size = 13 if block.bottom - block.top >= _LOW_ROW else 10.5
    widest, left, right = max(block.spans(), key=lambda span: span[2] - span[1])
    signs = " ".join(SIGNS[segment.state] for segment in block.segments)
    style = colors.states[widest.state]
    title = f"{signs}  {escape(_fitting(block.title, _NARROW * 0.6))}"
    for text, x, anchor, points, ink in (
        (title, left, "left", size, style.on_fill),
        (_count(block), right, "right", min(size, 12), style.on_fill_muted),
    ):
        yield {
            "showarrow": False,
            "x": x,
            "xanchor": anchor,
            "xshift": 7 if anchor == "left" else -6,
            "y": (block.top + block.bottom) / 2,
            "yanchor": "middle",
            "text": text,
            "font": {"size": points, "color": ink},
        }


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
