"""Compares two plans tensor by tensor over all their phases."""

from collections.abc import Sequence
from dataclasses import dataclass

from mtl_core.freezing.table import ParameterTable, Row, State


@dataclass(frozen=True, slots=True)
class OverPhases:
    """The state of a tensor over a whole run.

    `state` is trainable if any phase trains it, else unreached if any phase selects it. `phases`
    are the phases that train it, counted from 1; `rates` are their learning rates in order,
    without repetitions.
    """

    state: State
    rates: tuple[float, ...]
    phases: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorPair:
    """A tensor under two plans; None if a model has no tensor of that name."""

    name: str
    shape: tuple[int, ...]
    count: int
    first: OverPhases | None
    second: OverPhases | None

    @property
    def differs(self) -> bool:
        """Whether its state or its learning rates differ."""
        if self.first is None or self.second is None:
            return True
        return (self.first.state, self.first.rates) != (self.second.state, self.second.rates)


def tensor_pairs(
    first: Sequence[ParameterTable], second: Sequence[ParameterTable]
) -> tuple[TensorPair, ...]:
    """Pairs the tensors of two models, given the tables of each plan's phases.

    Tied names are left out, since they are the same tensor. Names that only the second model has
    come last.
    """
    left, right = _by_name(first), _by_name(second)
    pairs = []
    for name in dict.fromkeys([*left, *right]):
        rows = left.get(name) or right[name]
        pairs.append(
            TensorPair(
                name,
                rows[0].shape,
                rows[0].count,
                _over_phases(left[name]) if name in left else None,
                _over_phases(right[name]) if name in right else None,
            )
        )
    return tuple(pairs)


def _by_name(tables: Sequence[ParameterTable]) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for table in tables:
        for row in table.rows:
            if row.tied_to is None:
                rows.setdefault(row.name, []).append(row)
    return rows


def _over_phases(rows: Sequence[Row]) -> OverPhases:
    states = [row.state for row in rows]
    state = next(
        (each for each in (State.TRAINABLE, State.UNREACHED) if each in states), State.FROZEN
    )
    rates: list[float] = []
    for row in rows:
        if row.learning_rate is not None and rates[-1:] != [row.learning_rate]:
            rates.append(row.learning_rate)
    learning = [n for n, each in enumerate(states, start=1) if each is State.TRAINABLE]
    return OverPhases(state, tuple(rates), tuple(learning))
