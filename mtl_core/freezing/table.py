"""The parameter table: what a plan does to every tensor of a model, before anything runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from mtl_core.freezing.plan import Phase, Plan
from mtl_core.models.description import BackboneDescription, Role


class State(StrEnum):
    """What becomes of a tensor in a phase.

    Frozen: the plan does not select it. Unreached: selected, but no task's loss sends it a
    gradient, so it keeps its value as surely as if it were frozen. Trainable: the rest.
    """

    TRAINABLE = "trainable"
    FROZEN = "frozen"
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class Row:
    """One tensor in one phase.

    `count` is 0 for a tied name; `learning_rate` is None unless the tensor learns.
    """

    name: str
    shape: tuple[int, ...]
    count: int
    group: str
    role: Role
    layer: int | None
    state: State
    learning_rate: float | None
    reached_by: tuple[str, ...]
    tied_to: str | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Parameters by state; the three states add up to `all`."""

    all: int
    trainable: int
    frozen: int
    unreached: int

    @property
    def trainable_share(self) -> float:
        """Share of all parameters that learn, 0 to 1."""
        return self.trainable / self.all


@dataclass(frozen=True, slots=True)
class Group:
    """The tensors of one block of the picture: a layer, the embeddings, a head."""

    name: str
    role: Role
    totals: Totals
    learning_rate: float | None  # the highest in it; None where nothing learns


@dataclass(frozen=True)
class ParameterTable:
    """Every tensor of a model in one phase of a plan, in the order of `named_parameters()`."""

    plan: Plan
    phase_number: int  # from 1
    rows: tuple[Row, ...]

    @property
    def phase(self) -> Phase:
        """The phase this table shows."""
        return self.plan.phases[self.phase_number - 1]

    @cached_property
    def totals(self) -> Totals:
        """Counts over the whole model."""
        return _totals(self.rows)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Counts by group, in the order of the rows."""
        gathered: dict[str, list[Row]] = {}
        for row in self.rows:
            gathered.setdefault(row.group, []).append(row)
        return tuple(
            Group(name, rows[0].role, _totals(rows), _highest_rate(rows))
            for name, rows in gathered.items()
        )

    @cached_property
    def tensors(self) -> dict[State, int]:
        """How many unique tensors are in each state."""
        unique = [row.state for row in self.rows if row.tied_to is None]
        return {state: unique.count(state) for state in State}

    @cached_property
    def learning_rate(self) -> float | None:
        """The phase's rate in one number: the backbone's highest, or the heads' where only they
        learn; None where nothing does."""
        backbone = [row for row in self.rows if row.role is not Role.HEAD]
        return _highest_rate(backbone) or _highest_rate(self.rows)

    @cached_property
    def gradient_stops_at(self) -> str | None:
        """The deepest group in which something learns: no gradient goes below it."""
        learning = [row for row in self.rows if row.state is State.TRAINABLE]
        return min(learning, key=_height).group if learning else None


def _height(row: Row) -> int:
    """Where a tensor enters the forward pass: embeddings lowest, then the layers, then the rest.

    A tensor beside the stack may feed its first layer (relative positions do), so it counts as
    low as that.
    """
    match row.role:
        case Role.EMBEDDINGS:
            return -1
        case Role.LAYER:
            return row.layer or 0
        case Role.BESIDE:
            return 0
        case _:
            return 1_000_000


def _highest_rate(rows: Sequence[Row]) -> float | None:
    return max((row.learning_rate for row in rows if row.learning_rate is not None), default=None)


def _totals(rows: Sequence[Row]) -> Totals:
    by_state = {state: sum(row.count for row in rows if row.state is state) for state in State}
    everything = sum(row.count for row in rows)
    return Totals(
        all=everything,
        trainable=by_state[State.TRAINABLE],
        frozen=by_state[State.FROZEN],
        unreached=by_state[State.UNREACHED],
    )


def layers_crossed(table: ParameterTable, backbone: BackboneDescription) -> int:
    """Layers that the gradient enters, 0 to the depth of the stack.

    It is the depth of the lowest tensor that learns, not the number of layers that learn: a
    frozen layer above a learning one is crossed too. A tensor beside the stack may feed its first
    layer, so it counts as the whole depth; layers that share one set of weights are all crossed
    or none.
    """
    learning = [row for row in table.rows if row.state is State.TRAINABLE]
    if any(row.role in (Role.EMBEDDINGS, Role.BESIDE) for row in learning):
        return backbone.depth
    layers = [row.layer for row in learning if row.layer is not None]
    if not layers:
        return 0
    return backbone.depth if backbone.shares_layers else backbone.layers - min(layers)
