"""Fewer seeds never call plans equivalent that all seeds of the included runs call below."""

from benchmarks.seed_subsets import contradictions, included_comparisons, subsets
from mtl_core.analysis.plans import Verdict

SAMPLE = 25


def test_no_subset_of_the_seeds_contradicts_all_seeds() -> None:
    comparisons = included_comparisons()
    below = [
        plan.label
        for runs in comparisons.values()
        for task in runs.plans.tasks
        for plan in runs.plans.scored(task.name, Verdict.BELOW)
    ]
    assert len(below) >= 4
    for subset in subsets(comparisons, SAMPLE):
        assert list(contradictions(subset, subset.judged())) == []
