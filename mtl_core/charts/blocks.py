"""The blocks of the layer stack: what is drawn for which part of a model, and where.

Positions are in pixels from the top, widths from 0 to 1 of the figure, so that the stack of a
phone and of a wide screen are the same figure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtl_core.freezing.table import ParameterTable, Row, State
from mtl_core.freezing.titles import task_titles
from mtl_core.models.description import ModelDescription, Role

STACK_WIDTH = 0.72  # the rest is the rail
HEADS_HEIGHT = 56
EMBEDDINGS_HEIGHT = 40
BESIDE_HEIGHT = 26
TALLEST_LAYER = 60
_GAP = 9
_NARROWEST_POOLER = 0.11
_NARROWEST_SEGMENT = 0.04  # of a block: what learns must be seen, however small


@dataclass(frozen=True, slots=True)
class Segment:
    """The share of one block that is in one state: `tensors` unique tensors, `count` parameters."""

    state: State
    tensors: int
    count: int


@dataclass(frozen=True, slots=True)
class Block:
    """One rectangle of the picture.

    `groups` are the table's groups it stands for; more than one where parts beside the stack are
    gathered. `title` is what the block is called in it, `left` to `bottom` where it stands.
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
        """The part of the block that learns, if any does."""
        return next((each for each in self.segments if each.state is State.TRAINABLE), None)

    @property
    def main(self) -> Segment:
        """The segment with the most parameters."""
        return max(self.segments, key=lambda segment: segment.count)

    def spans(self) -> Iterator[tuple[Segment, float, float]]:
        """Each segment with its left and right edge: by its share of the block's parameters, but
        never too narrow to be seen."""
        shares = [max(each.count / max(self.count, 1), 0.0) for each in self.segments]
        if len(shares) > 1:
            shares = [max(share, _NARROWEST_SEGMENT) for share in shares]
        width, left = self.right - self.left, self.left
        for segment, share in zip(self.segments, shares, strict=True):
            right = left + width * share / sum(shares)
            yield segment, left, right
            left = right


def stack_blocks(
    table: ParameterTable, model: ModelDescription, height: float
) -> tuple[Block, ...]:
    """All blocks from top to bottom: heads with the pooler beside them, layers from the last to
    the first, parts beside the stack, embeddings. Together they hold every tensor once."""
    by_group: dict[str, list[Row]] = {}
    for row in table.rows:
        by_group.setdefault(row.group, []).append(row)
    by_role: dict[Role, list[str]] = {role: [] for role in Role}
    for name, rows in by_group.items():
        by_role[rows[0].role].append(name)
    beside = by_role[Role.BESIDE]
    low = height - (EMBEDDINGS_HEIGHT + _GAP / 2 if by_role[Role.EMBEDDINGS] else 0)
    low -= BESIDE_HEIGHT + _GAP / 2 if beside else 0
    top_row = _top_row(by_role[Role.POOLER], by_group, model)
    layers = _layers(by_role[Role.LAYER], by_group, model, HEADS_HEIGHT + _GAP, low)
    lowest = layers[-1].bottom if layers else HEADS_HEIGHT + _GAP
    below = []
    if beside:
        title = _beside_title(beside)
        top = lowest + _GAP / 2
        below.append(_block(title, beside, by_group, (0, STACK_WIDTH), (top, top + BESIDE_HEIGHT)))
        lowest = top + BESIDE_HEIGHT
    for name in by_role[Role.EMBEDDINGS]:
        top = lowest + _GAP / 2
        span = (top, top + EMBEDDINGS_HEIGHT)
        below.append(_block("embeddings", [name], by_group, (0, STACK_WIDTH), span))
    return (*top_row, *layers, *below)


def _top_row(
    poolers: Sequence[str], by_group: dict[str, list[Row]], model: ModelDescription
) -> list[Block]:
    """The heads side by side and, narrower, the pooler, which leads nowhere."""
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
) -> list[Block]:
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
) -> Block:
    rows = [row for name in names for row in by_group[name]]
    unique = [row for row in rows if row.tied_to is None]
    segments = tuple(
        Segment(state, len(inside), sum(row.count for row in inside))
        for state in State
        if (inside := [row for row in unique if row.state is state])
    )
    return Block(title, tuple(names), rows[0].role, segments, *across, *down)


def _beside_title(names: Sequence[str]) -> str:
    short = names[0].rpartition(".")[2]
    return short if len(names) == 1 else f"beside the stack: {len(names)} parts"
