"""The layer stack: a model as blocks from the heads down to the embeddings, with the gradient.

Vertical positions are in pixels from the top, horizontal ones are shares of the width. The figure
is therefore the same on a phone and on a wide screen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import plotly.graph_objects as go

from mtl_core.charts.theme import Palette, base_layout
from mtl_core.freezing.table import ParameterTable, Row, State
from mtl_core.freezing.table_text import SIGNS, rate_text
from mtl_core.freezing.titles import task_titles
from mtl_core.models.description import ModelDescription, Role
from mtl_core.text import counted

STACK_HEIGHT = 462
STACK_WIDTH = 0.72  # the rest is for the arrows of forward pass and gradient
HEADS_HEIGHT = 56
TALLEST_LAYER = 60
_EMBEDDINGS_HEIGHT = 40
_BESIDE_HEIGHT = 26
_GAP = 9
_NARROWEST_POOLER = 0.11
_NARROWEST_SEGMENT = 0.04  # share of a block, so that a small trainable part stays visible
_LETTER = 7.2  # pixels of an average letter at size 13
_SMALL_LETTER = 6.0
_NARROW = 350  # the stack's width in pixels on a phone, into which titles must fit
_LOW_ROW = 18  # pixels; lower rows have smaller text
_FORWARD_X = STACK_WIDTH + 0.03
_GRADIENT_X = STACK_WIDTH + 0.105

_Item = dict[str, Any]  # a trace, shape or annotation


@dataclass(frozen=True, slots=True)
class Segment:
    """The part of a block in one state: `tensors` unique tensors with `count` parameters."""

    state: State
    tensors: int
    count: int


@dataclass(frozen=True, slots=True)
class StackBlock:
    """One rectangle of the stack.

    `groups` are the table's groups in it, several for parts outside the layers. `left` and `right`
    are shares of the width, `top` and `bottom` pixels from the top.
    """

    title: str
    groups: tuple[str, ...]
    role: Role
    segments: tuple[Segment, ...]
    left: float
    right: float
    top: float
    bottom: float

    @property
    def count(self) -> int:
        """Parameters in the block."""
        return sum(segment.count for segment in self.segments)

    @property
    def tensors(self) -> int:
        """Unique tensors in the block."""
        return sum(segment.tensors for segment in self.segments)

    @property
    def learns(self) -> Segment | None:
        """The trainable segment, or None."""
        return next((each for each in self.segments if each.state is State.TRAINABLE), None)

    @property
    def main(self) -> Segment:
        """The segment with the most parameters."""
        return max(self.segments, key=lambda segment: segment.count)

    def spans(self) -> Iterator[tuple[Segment, float, float]]:
        """Yields each segment with its left and right edge.

        Widths are shares of the block's parameters, with a minimum that keeps each visible.
        """
        shares = [max(each.count / max(self.count, 1), 0.0) for each in self.segments]
        if len(shares) > 1:
            shares = [max(share, _NARROWEST_SEGMENT) for share in shares]
        width, left = self.right - self.left, self.left
        for segment, share in zip(self.segments, shares, strict=True):
            right = left + width * share / sum(shares)
            yield segment, left, right
            left = right


def stack_figure(
    table: ParameterTable,
    model: ModelDescription,
    colors: Palette,
    height: int = STACK_HEIGHT,
) -> go.Figure:
    """Builds the stack of a model in one phase of a plan.

    Bars carry `customdata` (group, state, tensors, parameters) and can be selected. A block with
    tensors in several states is divided by their shares of its parameters. Beside the stack, an
    arrow shows the forward pass and another the gradient, down to the lowest trainable tensor;
    the annotation of the latter is named "gradient".
    """
    blocks = stack_blocks(table, model, height - 2)
    texts = [item for block in blocks for item in _block_texts(block, colors)]
    layout = base_layout(
        colors,
        height,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        xaxis={"range": [-0.003, 1], "visible": False},
        yaxis={"range": [height - 1, -1], "visible": False},
        barmode="overlay",
        hovermode="closest",
        annotations=[*texts, *_arrows(blocks, table, colors)],
        shapes=list(_dotted_edges(blocks, colors)),
    )
    return go.Figure([_bars(blocks, state, table, colors) for state in State], layout)


def stack_blocks(
    table: ParameterTable, model: ModelDescription, height: float
) -> tuple[StackBlock, ...]:
    """Lays out all blocks from top to bottom; together they contain every tensor once.

    Heads and pooler side by side, layers from last to first, parts outside the layers, embeddings.
    """
    by_group: dict[str, list[Row]] = {}
    for row in table.rows:
        by_group.setdefault(row.group, []).append(row)
    by_role: dict[Role, list[str]] = {role: [] for role in Role}
    for name, rows in by_group.items():
        by_role[rows[0].role].append(name)
    beside = by_role[Role.BESIDE]
    low = height - (_EMBEDDINGS_HEIGHT + _GAP / 2 if by_role[Role.EMBEDDINGS] else 0)
    low -= _BESIDE_HEIGHT + _GAP / 2 if beside else 0
    top_row = _top_row(by_role[Role.POOLER], by_group, model)
    layers = _layers(by_role[Role.LAYER], by_group, model, HEADS_HEIGHT + _GAP, low)
    lowest = layers[-1].bottom if layers else HEADS_HEIGHT + _GAP
    below = []
    if beside:
        title = _beside_title(beside)
        top = lowest + _GAP / 2
        below.append(_block(title, beside, by_group, (0, STACK_WIDTH), (top, top + _BESIDE_HEIGHT)))
        lowest = top + _BESIDE_HEIGHT
    for name in by_role[Role.EMBEDDINGS]:
        top = lowest + _GAP / 2
        span = (top, top + _EMBEDDINGS_HEIGHT)
        below.append(_block("embeddings", [name], by_group, (0, STACK_WIDTH), span))
    return (*top_row, *layers, *below)


def _top_row(
    poolers: Sequence[str], by_group: dict[str, list[Row]], model: ModelDescription
) -> list[StackBlock]:
    """The heads side by side, and the pooler, which is narrower."""
    heads = [task.head for task in model.tasks]
    gap = 0.012
    room = STACK_WIDTH - gap * (len(heads) + len(poolers) - 1)
    narrow = max(room / (len(heads) * 2 + 1), _NARROWEST_POOLER) if poolers else 0.0
    wide = (room - narrow * len(poolers)) / len(heads)
    blocks, left = [], 0.0
    titles = [f"{chr(ord('A') + n)}  {title}" for n, title in enumerate(task_titles(model))]
    for title, name, width in (
        *zip(titles, heads, [wide] * len(heads), strict=True),
        *((name, name, narrow) for name in poolers),
    ):
        right = left + width
        blocks.append(_block(title, [name], by_group, (left, right), (0, HEADS_HEIGHT)))
        left = right + gap
    return blocks


def _layers(
    names: Sequence[str],
    by_group: dict[str, list[Row]],
    model: ModelDescription,
    top: float,
    bottom: float,
) -> list[StackBlock]:
    if not names:
        return []
    across = (0.0, STACK_WIDTH)
    if model.backbone.shares_layers:
        title = f"layer × {model.backbone.depth}, shared"
        room = min(bottom - top, TALLEST_LAYER * model.backbone.depth)
        return [_block(title, names, by_group, across, (top, top + room))]
    pitch = min((bottom - top) / len(names), TALLEST_LAYER)
    gap = min(3.0, pitch * 0.14)
    return [
        _block(name, [name], by_group, across, (top + n * pitch, top + (n + 1) * pitch - gap))
        for n, name in enumerate(reversed(names))
    ]


def _block(
    title: str,
    names: Sequence[str],
    by_group: dict[str, list[Row]],
    across: tuple[float, float],
    down: tuple[float, float],
) -> StackBlock:
    rows = [row for name in names for row in by_group[name]]
    unique = [row for row in rows if row.tied_to is None]
    segments = tuple(
        Segment(state, len(inside), sum(row.count for row in inside))
        for state in State
        if (inside := [row for row in unique if row.state is state])
    )
    return StackBlock(title, tuple(names), rows[0].role, segments, *across, *down)


def _beside_title(names: Sequence[str]) -> str:
    short = names[0].rpartition(".")[2]
    return short if len(names) == 1 else f"outside the layers: {len(names)} parts"


def _bars(
    blocks: Sequence[StackBlock], state: State, table: ParameterTable, colors: Palette
) -> _Item:
    """All bars of one state, as one trace."""
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


def _dotted_edges(blocks: Sequence[StackBlock], colors: Palette) -> Iterator[_Item]:
    """The edges of segments with a dashed line, which Plotly's bars do not support."""
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


def _block_texts(block: StackBlock, colors: Palette) -> Iterator[_Item]:
    """Title and count inside a block: two lines in the top row, one line below it."""
    if block.role in (Role.HEAD, Role.POOLER):
        return _two_lines(block, colors)
    return _one_line(block, colors)


def _two_lines(block: StackBlock, colors: Palette) -> Iterator[_Item]:
    ink = colors.states[block.main.state].on_fill
    width = (block.right - block.left) / STACK_WIDTH * _NARROW
    title = block.title
    if len(title) * _LETTER > width - 8:
        title = title.partition("  ")[0]
    sign = SIGNS[block.main.state]
    count = f"{sign} {_count(block)}"
    if len(count) * _SMALL_LETTER > width:
        count = sign
    middle = (block.top + block.bottom) / 2
    for text, size, above in ((f"<b>{escape(title)}</b>", 13, 10), (count, 12, -12)):
        yield {
            "showarrow": False,
            "x": (block.left + block.right) / 2,
            "y": middle - above,
            "xanchor": "center",
            "yanchor": "middle",
            "text": text,
            "font": {"size": size, "color": ink},
        }


def _one_line(block: StackBlock, colors: Palette) -> Iterator[_Item]:
    """Title and count at the two ends of the block's widest segment."""
    size = 13 if block.bottom - block.top >= _LOW_ROW else 10.5
    widest, left, right = max(block.spans(), key=lambda span: span[2] - span[1])
    signs = " ".join(SIGNS[segment.state] for segment in block.segments)
    style = colors.states[widest.state]
    title = f"{signs}  {escape(_truncated(block.title, _NARROW * 0.6))}"
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


def _count(block: StackBlock) -> str:
    """The number of parameters: in millions for a large pooler, `5 of 12` for a mixed block."""
    if block.role is Role.POOLER and block.count >= 100_000:
        return f"{block.count / 1e6:.2f} M"
    if len(block.segments) > 1 and block.learns:
        return f"{block.learns.count:,} of {block.count:,}"
    return f"{block.count:,}"


def _truncated(title: str, pixels: float) -> str:
    letters = int(pixels / _LETTER)
    return title if len(title) <= letters else f"{title[: max(letters - 1, 1)].rstrip()}…"


def _hover(block: StackBlock, table: ParameterTable) -> str:
    lines = [f"<b>{escape(', '.join(block.groups))}</b>"]
    lines += [
        f"{SIGNS[each.state]} {each.state}: {counted(each.tensors, 'tensor')}, "
        f"{counted(each.count, 'parameter')}"
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


def _arrows(blocks: Sequence[StackBlock], table: ParameterTable, colors: Palette) -> list[_Item]:
    """The labelled arrows of forward pass and gradient; no gradient if nothing is trained."""
    lowest = max(block.bottom for block in blocks)
    forward = _arrow(_FORWARD_X, (lowest, 1), color=colors.axis, width=1.2, name="forward")
    label = _vertical_text(_FORWARD_X, lowest, "forward", colors.muted)
    stops = table.gradient_stops_at
    end = next((block for block in blocks if stops in block.groups), None)
    if end is None:
        text = "nothing is trained:<br>no gradient"
        return [forward, label, _level_text(text, HEADS_HEIGHT / 2, "middle", -14, colors.muted)]
    style = colors.states[State.TRAINABLE]
    stop = max(end.bottom, HEADS_HEIGHT - 4)
    gradient = _arrow(_GRADIENT_X, (2, stop), color=style.color, width=2.4, name="gradient")
    if stop > lowest - 60:
        reached = "embeddings" if end.role is Role.EMBEDDINGS else "lowest layer"
        text = f"gradient reaches the {reached}"
        return [forward, label, gradient, _vertical_text(_GRADIENT_X, stop, text, style.text)]
    text = "gradient<br>stops here"
    return [forward, label, gradient, _level_text(text, stop + 4, "top", -8, style.text)]


def _vertical_text(x: float, y: float, text: str, ink: str) -> _Item:
    """Text beside an arrow, rotated to fit on a phone."""
    return {
        "showarrow": False,
        "x": x,
        "xshift": 11,
        "y": y,
        "yanchor": "bottom",
        "textangle": -90,
        "text": text,
        "font": {"size": 12, "color": ink},
    }


def _level_text(text: str, y: float, anchor: str, shift: float, ink: str) -> _Item:
    return {
        "showarrow": False,
        "x": _GRADIENT_X,
        "xanchor": "left",
        "xshift": shift,
        "y": y,
        "yanchor": anchor,
        "align": "left",
        "text": text,
        "font": {"size": 12, "color": ink},
    }


def _arrow(x: float, down: tuple[float, float], *, color: str, width: float, name: str) -> _Item:
    """An arrow from the first to the second of `down`, in pixels from the top."""
    return {
        "name": name,
        "showarrow": True,
        "x": x,
        "ax": x,
        "ay": down[0],
        "y": down[1],
        "xref": "x",
        "yref": "y",
        "axref": "x",
        "ayref": "y",
        "arrowhead": 2,
        "arrowsize": 1.1,
        "arrowcolor": color,
        "arrowwidth": width,
        "text": "",
    }
