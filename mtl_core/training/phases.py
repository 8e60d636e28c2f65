"""Number of optimiser steps in each phase of a run."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import ceil

from mtl_core.errors import InvalidRun
from mtl_core.freezing.table import ParameterTable
from mtl_core.training.spec import RunSpec


def steps_per_epoch(examples: int, batch_size: int) -> int:
    """Return the number of batches of an epoch; the last batch may be smaller."""
    return ceil(examples / batch_size)


def evaluated_after(step: int, per_epoch: int, evaluations: int = 1) -> bool:
    """Whether validation sentences are scored after `step` of a run, at evenly spaced steps.

    There are `evaluations` in each epoch, but at most one after each step.
    """
    return step * evaluations // per_epoch > (step - 1) * evaluations // per_epoch


def phase_steps(spec: RunSpec, per_epoch: int) -> tuple[int, ...]:
    """Divide the run's optimiser steps among its phases in proportion to their epochs.

    The boundaries between phases are rounded, so the steps add up to the run's total. Raises
    InvalidRun if a phase would get no step.
    """
    shares = [phase.epochs for phase in spec.plan.phases]
    total = spec.epochs * per_epoch
    boundaries = [round(total * part / sum(shares)) for part in (0.0, *accumulate(shares))]
    steps = tuple(end - start for start, end in pairwise(boundaries))
    for phase, count in zip(spec.plan.phases, steps, strict=True):
        if count < 1:
            raise InvalidRun(
                f"Phase '{phase.name}' would last under one step: {spec.epochs:g} epochs of "
                f"{per_epoch} steps are divided among {len(shares)} phases. "
                "Raise --epochs, lower --batch-size, or give the phase a larger share."
            )
    return steps


def learning_steps(tables: Sequence[ParameterTable], steps: Sequence[int]) -> tuple[int, ...]:
    """Return `steps` with 0 for each phase in which nothing learns."""
    pairs = zip(tables, steps, strict=True)
    return tuple(count if table.totals.trainable else 0 for table, count in pairs)
