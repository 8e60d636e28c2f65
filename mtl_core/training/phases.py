"""How a run's epochs become optimiser steps, phase by phase."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import ceil

from mtl_core.errors import InvalidRun
from mtl_core.freezing.table import ParameterTable
from mtl_core.training.spec import RunSpec


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Batches in which each example comes once; the last may be smaller."""
    return ceil(examples / batch_size)


def phase_steps(spec: RunSpec, per_epoch: int) -> tuple[int, ...]:
    """Optimiser steps of each phase: the run's total shared in proportion to the phases' epochs.

    Boundaries are rounded, not shares, so the steps add up to the run's. Raises InvalidRun where
    a phase would get none.
    """
    shares = [phase.epochs for phase in spec.plan.phases]
    total = spec.epochs * per_epoch
    boundaries = [round(total * part / sum(shares)) for part in (0.0, *accumulate(shares))]
    steps = tuple(end - start for start, end in pairwise(boundaries))
    for phase, count in zip(spec.plan.phases, steps, strict=True):
        if count < 1:
            raise InvalidRun(
                f"Phase '{phase.name}' would last under one step: {spec.epochs:g} epochs of "
                f"{per_epoch} steps are shared among {len(shares)} phases. "
                "Raise --epochs, lower --batch-size, or give the phase a larger share."
            )
    return steps


def steps_that_learn(tables: Sequence[ParameterTable], steps: Sequence[int]) -> tuple[int, ...]:
    """The same, with 0 for each phase in which nothing learns: there is nothing to step."""
    pairs = zip(tables, steps, strict=True)
    return tuple(count if table.totals.trainable else 0 for table, count in pairs)
