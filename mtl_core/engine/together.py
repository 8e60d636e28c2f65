"""Selects the runs of a comparison that one trainer process trains together."""

from collections.abc import Sequence

from mtl_core.store.record import RunRecord, RunRole
from mtl_core.store.runs import RunStore
from mtl_core.training.together.rule import trains_together

MAX_RUNS = 64
"""Runs of one group. Stored outputs are shared; the state of a run takes under a megabyte."""


class TogetherGroups:
    """Groups waiting runs for the queue, unless their comparison requests separate runs."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def __call__(self, first: RunRecord, others: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
        """Return `first`, and those of `others` that train with it: runs of its comparison.

        A run that measures the time of an epoch is trained alone.
        """
        beside = [
            other
            for other in others
            if other.role is first.role is not RunRole.PACE
            and trains_together(first.spec, other.spec)
        ]
        if not beside or first.comparison is None:
            return (first,)
        if self._store.comparison(first.comparison).spec.separate_runs:
            return (first,)
        return (first, *beside[: MAX_RUNS - 1])
