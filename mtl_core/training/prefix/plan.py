"""Which layers' outputs never change in a phase, and whether storing them pays."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import Role

NOTHING_LEARNS = "nothing learns in this phase, so there is no step to save"
NOTHING_BELOW = "something learns in or below the lowest layer"
TOO_FEW_STEPS = "the phase is too short: storing would run more sentences than its steps do"


@dataclass(frozen=True, slots=True)
class PhasePrefix:
    """What a phase may reuse.

    `depth`: how many layers from the bottom hold nothing that learns, the embeddings included;
    the stack's full depth where nothing of the backbone learns. None: nothing is reused, for
    `reason`. `original`: whether everything below is still the checkpoint's.
    """

    depth: int | None
    original: bool = True
    reason: str | None = None


def phase_prefixes(
    tables: Sequence[ParameterTable], steps: Sequence[int], layers: int, steps_per_epoch: int
) -> tuple[PhasePrefix, ...]:
    """What each phase may reuse, decided by the plan alone, never by what is stored already.

    `steps` are each phase's optimiser steps, `layers` the stack's layers with weights of their
    own. A phase whose boundary lies above something that an earlier phase trained needs outputs
    of its own: they pay off after one epoch. Those of the checkpoint serve all other phases
    together, and pay off if these read each sentence once.
    """
    boundaries = [lowest_learning_layer(table, layers) for table in tables]
    moved = [b if count else layers for b, count in zip(boundaries, steps, strict=True)]
    untouched = list(accumulate((layers, *moved[:-1]), min))
    original = [b <= u for b, u in zip(boundaries, untouched, strict=True)]
    reading = sum(
        count for b, o, count in zip(boundaries, original, steps, strict=True) if o and b > 0
    )

    def choose(boundary: int, is_original: bool, count: int) -> PhasePrefix:
        if count == 0:
            return PhasePrefix(None, reason=NOTHING_LEARNS)
        if boundary == 0:
            return PhasePrefix(None, reason=NOTHING_BELOW)
        pays = reading >= steps_per_epoch if is_original else count > steps_per_epoch
        if not pays:
            return PhasePrefix(None, is_original, TOO_FEW_STEPS)
        return PhasePrefix(boundary, is_original)

    return tuple(map(choose, boundaries, original, steps))


def lowest_learning_layer(table: ParameterTable, layers: int) -> int:
    """The lowest layer in which something learns.

    A tensor that belongs to no layer may be read by the first (relative positions are), so it
    counts as low as that.
    """
    lowest = layers
    for row in table.rows:
        if row.state is State.TRAINABLE and row.role is not Role.HEAD:
            lowest = min(lowest, (row.layer or 0) if row.role is Role.LAYER else 0)
    return lowest
