"""Selects the runs of a comparison that one trainer process trains together."""

from collections.abc import Sequence

from mtl_core.errors import UnknownComparison
from mtl_core.store.record import ComparisonRecord, RunRecord, RunRole
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import arm_key
from mtl_core.training.together.rule import trains_together

MAX_RUNS = 64
"""Runs of one group. Stored outputs are shared; a run with label noise has its own labels."""


class TogetherGroups:
    """Groups waiting runs for the queue, unless their comparison requests separate runs."""

    def __init__(self, store: RunStore) -> None:
        self._store = store

    def __call__(self, first: RunRecord, others: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
        """Return `first`, and those of `others` that train with it: runs of its comparison.

        A run that measures the time of an epoch is trained alone. So is the first seed of a
        comparison of several plans, whose runs give the costs of their plans.
        """
        if first.comparison is None:
            return (first,)
        try:
            comparison = self._store.comparison(first.comparison)
        except UnknownComparison:  # it was deleted, and this run was restored
            return (first,)
        alone = _seed_alone(comparison)
        if comparison.spec.separate_runs or first.spec.seed == alone:
            return (first,)
        beside = [
            other
            for other in others
            if other.role is first.role is not RunRole.PACE
            and other.spec.seed != alone
            and trains_together(first.spec, other.spec)
        ]
        return (first, *beside[: MAX_RUNS - 1])


def _seed_alone(comparison: ComparisonRecord) -> int | None:
    """The seed whose runs are trained alone; None if there is nothing to compare costs with.

    With several plans or training sizes, seconds and memory of each are those of a run alone.
    """
    arms = {arm_key(run.spec) for run in comparison.runs}
    return comparison.spec.seeds[0] if len(arms) > 1 else None
