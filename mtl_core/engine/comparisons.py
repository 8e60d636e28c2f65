"""Schedules and resumes comparisons."""

import shutil
from collections.abc import Sequence
from dataclasses import replace

from mtl_core.errors import BadInput, UnknownComparison
from mtl_core.settings import Settings
from mtl_core.store.owner import Owner
from mtl_core.store.record import ComparisonRecord, PlannedRun, RunRecord, RunRole, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import DECIDING_SEEDS, MOST_SEEDS, ComparisonSpec, arm_key
from mtl_core.training.events import RunFailed, RunFinished
from mtl_core.training.prepare_comparison import at_factor, with_seed
from mtl_core.training.spec import RunSpec

_NO_MEASUREMENT = "The run that measures the time of an epoch did not finish."
_NO_FACTOR = "No run of the learning rate sweep of this arm finished."
_NO_SCORE = (
    "No learning rate can be selected: the validation sentences contain no entities, so entity F1 "
    "is undefined there. Add validation sentences with entities, or leave out the sweep."
)
_MAX_EPOCHS = 1000.0

EpochSeconds = Sequence[tuple[RunSpec, float]]
"""Finished runs, each with the training seconds of one epoch."""


def planned_runs(
    spec: ComparisonSpec, runs: Sequence[RunSpec], measured: EpochSeconds = ()
) -> list[PlannedRun]:
    """Plan all runs of a comparison, in the order of the queue.

    Models are saved only for the first seed of each arm, with its largest training set, because
    each takes as much disk space as the checkpoint. With `spec.seconds` the epochs follow from a
    similar run in `measured`; if there is none, a run of one epoch measures them first. Runs whose
    epochs or learning rates are not decided yet are held until `advance` releases them.
    """
    trial_runs: list[PlannedRun] = []
    epochs: dict[object, float | None] = {}
    for first in (run for run in runs if run.seed == spec.seeds[0]):
        known = _known_epochs(spec, first, measured)
        epochs[arm_key(first)] = known
        if known is None:
            trial_runs.append(PlannedRun(_with_epochs(first, 1.0), RunRole.PACE, keeps_model=False))
        if len(spec.sweep) > 1:
            tried = _with_epochs(first, known or first.epochs)
            trial_runs += [
                PlannedRun(
                    at_factor(tried, factor),
                    RunRole.SWEEP,
                    factor,
                    held=known is None,
                    keeps_model=_keeps_model(first, runs),
                )
                for factor in spec.sweep
            ]
    results = [
        PlannedRun(
            _with_epochs(run, epochs[arm_key(run)] or run.epochs),
            held=epochs[arm_key(run)] is None or len(spec.sweep) > 1,
            keeps_model=_keeps_model(run, runs),
        )
        for run in runs
    ]
    if len(spec.sweep) == 1:
        results = [replace(run, spec=at_factor(run.spec, spec.sweep[0])) for run in results]
    return trial_runs + results


def advance(store: RunStore, settings: Settings, comparison: str) -> None:
    """Release the held runs whose epochs or learning rates are decided by now.

    Call it when a run of the comparison ends; repeated calls change nothing. Each arm is
    handled separately for each number of training sentences:

    - Equal time: the epochs are `spec.seconds` divided by the measured seconds of one epoch.
    - Learning rate sweep: the factor is that of the finished run with the highest headline metric
      (accuracy, entity F1) on the validation split, averaged over the tasks; of equal ones the
      first. That run becomes the result of the first seed, with which it is identical to the bit.
      Without a test split its score is optimistic, because the same sentences give the result.
    """
    try:
        record = store.comparison(comparison)
    except UnknownComparison:  # deleted after its run ended
        return
    for arm in dict.fromkeys(arm_key(run.spec) for run in record.runs):
        runs, trial_runs = (
            [run for run in each if arm_key(run.spec) == arm]
            for each in (record.runs, record.trial_runs)
        )
        if any(run.held and run.state is RunState.WAITING for run in (*runs, *trial_runs)):
            measuring, sweep = (
                [run for run in trial_runs if run.role is role]
                for role in (RunRole.PACE, RunRole.SWEEP)
            )
            if measuring and (not sweep or any(run.held for run in sweep)):
                _decide_epochs(store, record.spec, measuring, sweep, runs)
            elif sweep:
                _decide_factor(store, settings, sweep, runs)


def advance_all(store: RunStore, settings: Settings) -> None:
    """Call `advance` for every comparison with held runs.

    This continues a comparison whose process ended between a run and `advance`.
    """
    for comparison in dict.fromkeys(run.comparison for run in store.active() if run.held):
        if comparison is not None:
            advance(store, settings, comparison)


def resume(store: RunStore, record: ComparisonRecord, owner: Owner | None = None) -> None:
    """Queue the stopped, failed and interrupted runs again; finished runs stay.

    Sweep and measurement runs are repeated only if runs of their arm are still held. With an
    `owner` all waiting runs of the comparison are reserved for that process.
    """
    undecided = {arm_key(run.spec) for run in record.runs if run.held and run.state.is_final}
    again = [run.id for run in record.trial_runs if arm_key(run.spec) in undecided]
    store.requeue(again + [run.id for run in record.runs], owner)
    if owner is not None:
        store.reserve(record.id, owner)


def add_seeds(
    store: RunStore, record: ComparisonRecord, seeds: Sequence[int], owner: Owner | None = None
) -> None:
    """Add runs of each plan with the seeds that the comparison lacks, with the same settings.

    The spec counts the seeds before, since looking at results again spends error
    (`analysis.paired.looks`). Raises BadInput for an included comparison, while runs are
    unfinished, and for too many seeds.
    """
    new = [seed for seed in dict.fromkeys(seeds) if seed not in record.spec.seeds]
    if not new:
        return
    unfinished = [run for run in record.runs if run.state is not RunState.FINISHED]
    if record.shipped or unfinished:
        reason = "It is included" if record.shipped else f"{len(unfinished)} runs are unfinished"
        raise BadInput(
            f"No seeds can be added to comparison '{record.id}'. {reason}: "
            f"{'start a comparison of your own' if record.shipped else 'resume it first'}."
        )
    if len(record.spec.seeds) >= DECIDING_SEEDS:
        raise BadInput(
            f"Comparison '{record.id}' has {len(record.spec.seeds)} seeds. After {DECIDING_SEEDS}, "
            "adding seeds cannot change a verdict, because the looks have used up the error rate. "
            "Start a new comparison with more seeds."
        )
    if not all(record.spec.names_start_of(run.spec) for run in record.runs):
        raise BadInput(
            f"No seeds can be added to comparison '{record.id}': its runs start from runs of "
            "another comparison, seed by seed."
        )
    total = len(record.spec.seeds) + len(new)
    if total > MOST_SEEDS:
        raise BadInput(f"{total} seeds are too many: a comparison has at most {MOST_SEEDS}.")
    first = [run.spec for run in record.runs if run.spec.seed == record.spec.seeds[0]]
    planned = [
        PlannedRun(_with_seed(spec, seed), keeps_model=False) for seed in new for spec in first
    ]
    looks = (*record.spec.looks, len(record.spec.seeds))
    more = {"seeds": (*record.spec.seeds, *new), "looks": looks}
    store.extend_comparison(record.id, record.spec.model_copy(update=more), planned, owner)


def measured_epochs(store: RunStore, runs: Sequence[RunRecord]) -> list[tuple[RunSpec, float]]:
    """The specs of finished runs, each with the training seconds of one epoch (above 0)."""
    found = []
    for run in runs:
        seconds = _epoch_seconds(store, run)
        if seconds:
            found.append((run.spec, seconds))
    return found


def _keeps_model(run: RunSpec, runs: Sequence[RunSpec]) -> bool:
    """Whether a run has the first seed and the largest training set, as its arm's first run."""
    first = next(each for each in runs if each.arm_name == run.arm_name)
    return (run.seed, run.examples) == (first.seed, first.examples)


def _known_epochs(spec: ComparisonSpec, run: RunSpec, measured: EpochSeconds) -> float | None:
    """The epochs of an arm's runs; None if they must be measured first."""
    if spec.seconds is None:
        return run.epochs
    for other, epoch_seconds in measured:
        if workload(other) == workload(run):
            return _epochs_in(spec.seconds, epoch_seconds)
    return None


def workload(spec: RunSpec) -> tuple[object, ...]:
    """The settings that determine how long an epoch takes: not seed, epochs or learning rates.

    Of the loss weights only 0 matters: steps skip the sentences of such a task.
    """
    phases = tuple((phase.train, phase.epochs) for phase in spec.plan.phases)
    limits = tuple(sorted(spec.examples.items()))
    sizes = (spec.batch_size, spec.pass_size, spec.max_length, spec.threads)
    where = (spec.device, spec.precision)
    passes = (spec.prefix_reuse, spec.frozen_dropout, spec.gradient_checkpointing)
    unused = frozenset(task for task, weight in spec.plan.task_weights.items() if weight == 0)
    read = (spec.checkpoint, spec.data, limits)
    return (*read, *sizes, *where, *passes, phases, spec.plan.freeze, unused)


def _decide_epochs(
    store: RunStore,
    spec: ComparisonSpec,
    measuring: Sequence[RunRecord],
    sweep: Sequence[RunRecord],
    runs: Sequence[RunRecord],
) -> None:
    if not all(run.state.is_final for run in measuring):
        return
    if any(run.state is not RunState.FINISHED for run in measuring):
        _fail(store, (*sweep, *runs), _NO_MEASUREMENT)
        return
    seconds = _epoch_seconds(store, measuring[-1])
    epochs = _epochs_in(spec.seconds, seconds) if spec.seconds and seconds else spec.epochs
    decided = {run.id: _with_epochs(run.spec, epochs) for run in runs}
    store.settle(decided, held=bool(sweep))
    store.settle({run.id: _with_epochs(run.spec, epochs) for run in sweep}, held=False)


def _decide_factor(
    store: RunStore,
    settings: Settings,
    sweep: Sequence[RunRecord],
    runs: Sequence[RunRecord],
) -> None:
    if not all(run.state.is_final for run in sweep):
        return
    finished = [run for run in sweep if run.state is RunState.FINISHED and run.factor]
    if not finished:
        _fail(store, runs, _NO_FACTOR)
        return
    scores = {run.id: _score(store, run) for run in finished}
    if all(score is None for score in scores.values()):
        _fail(store, runs, _NO_SCORE)
        return
    best = max(finished, key=lambda run: _rank(scores[run.id]))
    specs = {run.id: at_factor(run.spec, best.factor or 1.0) for run in runs}
    same = {run.id: best.id for run in runs if run.spec.seed == best.spec.seed}
    store.settle(specs, held=False, instead=same)
    for run in sweep:
        if run is not best:
            shutil.rmtree(settings.run_folder(run.id), ignore_errors=True)


def _fail(store: RunStore, runs: Sequence[RunRecord], reason: str) -> None:
    for run in runs:
        if run.held and run.state is RunState.WAITING:
            store.append(run.id, [RunFailed(elapsed_seconds=0.0, reason=reason)])


def _score(store: RunStore, run: RunRecord) -> float | None:
    last = store.latest(run.id, "run_finished")
    return last.mean_validation_score if isinstance(last, RunFinished) else None


def _rank(score: float | None) -> float:
    return float("-inf") if score is None else score


def _epoch_seconds(store: RunStore, run: RunRecord) -> float | None:
    """The training seconds of one epoch of a run that was trained alone; None otherwise."""
    if run.state is not RunState.FINISHED or run.spec.trained_together is not None:
        return None
    last = store.latest(run.id, "run_finished")
    return last.training_seconds / run.spec.epochs if isinstance(last, RunFinished) else None


def _epochs_in(seconds: float, epoch_seconds: float) -> float:
    """Round to four digits, so that the number can be read and typed."""
    return min(_MAX_EPOCHS, float(f"{seconds / epoch_seconds:.4g}"))


def _with_epochs(spec: RunSpec, epochs: float) -> RunSpec:
    return spec.model_copy(update={"epochs": epochs})


def _with_seed(spec: RunSpec, seed: int) -> RunSpec:
    """The spec of a new run with another seed. The digests stay: data and weights must be the same.

    Raises InvalidRun if the seed is out of range.
    """
    update: dict[str, object] = {"versions": {}, "processor": None, "trained_together": None}
    return with_seed(spec, seed).model_copy(update=update)
