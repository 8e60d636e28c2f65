"""What a sweep of learning rates came to: each factor's score, and the one a plan went on with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean

from mtl_core.analysis.summary import RunSummary
from mtl_core.store.record import ComparisonRecord, Role, RunRecord
from mtl_core.training.comparison import Arm, TrainSize, arm_of, train_size


@dataclass(frozen=True, slots=True)
class TriedRates:
    """One scenario of a comparison that tried factors on its learning rates with the first seed,
    at one number of training sentences (`size`, None for all).

    `scores` is the headline metric averaged over the tasks, by factor in ascending order, None
    where that run has not finished; `chosen` the factor of the results, None while undecided.
    """

    scenario: str
    scores: Mapping[float, float | None]
    chosen: float | None
    size: TrainSize = None


def tried_rates(
    record: ComparisonRecord, summary_of: Callable[[RunRecord], RunSummary]
) -> tuple[TriedRates, ...]:
    """Every scenario's trials, at each number of training sentences; none where the comparison
    tried fewer than two factors.

    The trial that did best has become the result of its seed, and bears its factor there.
    """
    if len(record.spec.sweep) < 2:
        return ()
    arms = dict.fromkeys(arm_of(run.spec) for run in record.runs)
    return tuple(_tried(arm, record, summary_of) for arm in arms)


def _tried(
    arm: Arm, record: ComparisonRecord, summary_of: Callable[[RunRecord], RunSummary]
) -> TriedRates:
    results = [run for run in record.runs if arm_of(run.spec) == arm]
    chosen = next((run.factor for run in results if run.factor is not None), None)
    trials = [
        run
        for run in (*record.scouts, *results)
        if arm_of(run.spec) == arm and (run.role is Role.SWEEP or run.factor is not None)
    ]
    scores = {run.factor: _score(summary_of(run)) for run in trials if run.factor is not None}
    told = {factor: scores.get(factor) for factor in sorted(record.spec.sweep)}
    first = results[0].spec
    return TriedRates(first.scenario or first.plan.name, told, chosen, train_size(first))


def _score(summary: RunSummary) -> float | None:
    if summary.finished is None or not summary.finished.metrics:
        return None
    return fmean(score.headline for score in summary.finished.metrics.values())
