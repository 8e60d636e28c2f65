"""Plans at each number of training sentences, judged separately.

Plans are compared only at the same number of sentences: each number has its own best plan.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.marks import GoldLabels
from mtl_core.analysis.outcomes import OutcomeRule
from mtl_core.analysis.plans import Labelled, PlanComparison
from mtl_core.analysis.summary import RunSummary
from mtl_core.training.comparison import TrainSize, common_train_sizes, train_size


@dataclass(frozen=True, slots=True)
class AtSize:
    """All plans at one number of training sentences of each task; None: all sentences."""

    size: TrainSize
    plans: PlanComparison


def group_by_size(
    runs: Sequence[Labelled], gold: GoldLabels | None = None, rule: OutcomeRule | None = None
) -> tuple[AtSize, ...]:
    """Groups and judges the runs at each number of training sentences, the largest last.

    Empty if the runs share one number, and if a plan has no run with the largest number, since
    the results at the largest would omit that plan.
    """
    summaries = [each[1] if isinstance(each, tuple) else each for each in runs]
    sizes = common_train_sizes([summary.spec for summary in summaries])
    names = {size: _names(summaries, size) for size in sizes}
    if not sizes or any(each - names[sizes[-1]] for each in names.values()):
        return ()
    by_size = {
        size: [
            each
            for each, summary in zip(runs, summaries, strict=True)
            if train_size(summary.spec) == size
        ]
        for size in sizes
    }
    return tuple(AtSize(size, compare_plans(some, gold, rule)) for size, some in by_size.items())


def _names(summaries: Sequence[RunSummary], size: TrainSize) -> set[str]:
    specs = [summary.spec for summary in summaries if train_size(summary.spec) == size]
    return {spec.arm_name for spec in specs}
