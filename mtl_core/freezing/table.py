"""The parameter table: the state and learning rate of every tensor under a plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from mtl_core.freezing.plan import Phase, Plan
from mtl_core.models.description import BackboneDescription, Role

ROLES_TOP_DOWN = (Role.HEAD, Role.POOLER, Role.LAYER, Role.BESIDE, Role.EMBEDDINGS)
"""The order in which diagrams and tables show the parts of a model."""


class State(StrEnum):
    """The state of a tensor in a phase.

    FROZEN: the plan does not select it. UNREACHED: selected, but no task's loss depends on it, so
    it receives no gradient and keeps its value. TRAINABLE: selected and reached by a loss.
    """

    TRAINABLE = "trainable"
    FROZEN = "frozen"
    UNREACHED = "unreached"


@dataclass(frozen=True, slots=True)
class Row:
    """One tensor in one phase.

    `count` is 0 for a tied name. `learning_rate` is None unless the tensor is trainable.
    `no_effective_update`: it is trainable, but at its rate a step is smaller than float32 resolves
    for weights of its usual size. This is an estimate, made for LayerNorm weights only.
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
    no_effective_update: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """Parameter counts by state; the three states add up to `all`."""

    all: int
    trainable: int
    frozen: int
    unreached: int

    @property
    def trainable_share(self) -> float:
        """The trainable share of all parameters, from 0 to 1."""
        return self.trainable / self.all


@dataclass(frozen=True, slots=True)
class Group:
    """Totals of one group of tensors: a layer, the embeddings or a head."""

    name: str
    role: Role
    totals: Totals
    learning_rate: float | None  # the highest of its tensors; None if none is trainable


@dataclass(frozen=True)
class ParameterTable:
    """Every tensor of a model in one phase of a plan, in the order of `named_parameters()`."""

    plan: Plan
    phase_number: int  # from 1
    rows: tuple[Row, ...]

    @property
    def phase(self) -> Phase:
        """The phase of this table."""
        return self.plan.phases[self.phase_number - 1]

    @cached_property
    def totals(self) -> Totals:
        """Parameter counts of the whole model."""
        return _totals(self.rows)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Totals by group, in the order of the rows."""
        rows_of: dict[str, list[Row]] = {}
        for row in self.rows:
            rows_of.setdefault(row.group, []).append(row)
        return tuple(
            Group(name, rows[0].role, _totals(rows), _highest_rate(rows))
            for name, rows in rows_of.items()
        )

    @cached_property
    def tensors(self) -> dict[State, int]:
        """The number of unique tensors in each state."""
        unique = [row.state for row in self.rows if row.tied_to is None]
        return {state: unique.count(state) for state in State}

    @cached_property
    def without_effective_update(self) -> int:
        """The number of unique tensors that are trainable without an effective update."""
        return sum(row.no_effective_update for row in self.rows if row.tied_to is None)

    @cached_property
    def learning_rate(self) -> float | None:
        """The highest rate in the backbone, or in the heads if only they are trainable.

        None if nothing is trainable.
        """
        backbone = [row for row in self.rows if row.role is not Role.HEAD]
        return _highest_rate(backbone) or _highest_rate(self.rows)

    @cached_property
    def gradient_stops_at(self) -> str | None:
        """The lowest group with a trainable tensor; the backward pass ends there. None if none."""
        trainable = [row for row in self.rows if row.state is State.TRAINABLE]
        return min(trainable, key=_height).group if trainable else None


def _height(row: Row) -> int:
    """The position of a tensor in the forward pass: embeddings, then layers, then the rest.

    A tensor outside the layers has the position of the first layer, because it may be an input of
    that layer, such as relative positions.
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
    """The number of layers that the backward pass goes through, from 0 to the model's depth.

    It depends on the lowest trainable tensor: frozen layers above it are crossed as well. A tensor
    outside the layers may be an input of the first layer, so all layers are crossed for it. Layers
    that share one set of weights are all crossed or none.
    """
    trainable = [row for row in table.rows if row.state is State.TRAINABLE]
    if any(row.role in (Role.EMBEDDINGS, Role.BESIDE) for row in trainable):
        return backbone.depth
    layers = [row.layer for row in trainable if row.layer is not None]
    if not layers:
        return 0
    return backbone.depth if backbone.shares_layers else backbone.layers - min(layers)
