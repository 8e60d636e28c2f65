"""The learning rate sweep of a comparison: each factor's score, and the factor selected."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mtl_core.analysis.summary import RunSummary
from mtl_core.report.data_words import size_words
from mtl_core.report.run_words import plan_words
from mtl_core.store.record import ComparisonRecord, RunRecord, RunRole
from mtl_core.training.comparison import ArmKey, TrainSize, arm_key, train_size

SWEEP_CAPTION = (
    "Accuracy and entity F1, averaged over the tasks, with the first seed, at the plan's own "
    "learning rates times each factor. All seeds use the best factor. It was selected on the "
    "validation sentences. If the data have no test split, the first seed's score is optimistic."
)


@dataclass(frozen=True, slots=True)
class RateSweep:
    """The sweep of one plan with the first seed, at one number of training sentences.

    `scores` is by factor, ascending, the headline metric averaged over the tasks, None before that
    run has finished. `selected` is the factor of the results, None while the sweep runs. `size` is
    None for all training sentences.
    """

    plan: str
    scores: Mapping[float, float | None]
    selected: float | None
    size: TrainSize = None


def rate_sweeps(
    record: ComparisonRecord, summary_of: Callable[[RunRecord], RunSummary]
) -> tuple[RateSweep, ...]:
    """Returns the sweep of every plan and number of training sentences.

    Empty for a comparison with fewer than two factors. The best trial becomes the first seed's
    result and keeps its factor.
    """
    if len(record.spec.sweep) < 2:
        return ()
    arms = dict.fromkeys(arm_key(run.spec) for run in record.runs)
    return tuple(_sweep(arm, record, summary_of) for arm in arms)


def sweep_title(sweeps: Sequence[RateSweep]) -> str:
    """`Learning rate sweep: heads only uses × 3, full is still running`.

    With several numbers of training sentences, how many sweeps have finished.
    """
    if len({each.size for each in sweeps}) > 1:
        finished = sum(each.selected is not None for each in sweeps)
        return (
            f"Learning rate sweep: {finished} of {len(sweeps)} finished, one for each plan and "
            "number of sentences"
        )
    parts = [
        f"{each.plan} "
        + ("is still running" if each.selected is None else f"uses × {each.selected:g}")
        for each in sweeps
    ]
    return f"Learning rate sweep: {', '.join(parts)}"


def sweep_row(sweep: RateSweep) -> dict[str, str]:
    """Builds a table row with a column for each factor; ✓ marks the selected one."""
    sized = "" if sweep.size is None else f", {size_words(sweep.size)}"
    row = {"Plan": f"{sweep.plan}{sized}"}
    for factor, score in sweep.scores.items():
        mark = " ✓" if factor == sweep.selected else ""
        row[f"× {factor:g}"] = "" if score is None else f"{score:.3f}{mark}"
    return row


def _sweep(
    arm: ArmKey, record: ComparisonRecord, summary_of: Callable[[RunRecord], RunSummary]
) -> RateSweep:
    results = [run for run in record.runs if arm_key(run.spec) == arm]
    selected = next((run.factor for run in results if run.factor is not None), None)
    trials = [
        run
        for run in (*record.trial_runs, *results)
        if arm_key(run.spec) == arm and (run.role is RunRole.SWEEP or run.factor is not None)
    ]
    known = {run.factor: _score(summary_of(run)) for run in trials if run.factor is not None}
    scores = {factor: known.get(factor) for factor in sorted(record.spec.sweep)}
    first = results[0].spec
    return RateSweep(plan_words(first), scores, selected, train_size(first))


def _score(summary: RunSummary) -> float | None:
    return None if summary.finished is None else summary.finished.mean_validation_score
