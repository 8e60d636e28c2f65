"""Comparisons on their way: queued as one, each next step decided when a run ends, gone on with."""

import shutil
from collections.abc import Sequence
from dataclasses import replace

from mtl_core.errors import UnknownComparison
from mtl_core.settings import Settings
from mtl_core.store.owner import Owner
from mtl_core.store.record import ComparisonRecord, PlannedRun, Role, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec, arm_of
from mtl_core.training.events import RunFailed, RunFinished
from mtl_core.training.prepare_comparison import at_factor
from mtl_core.training.spec import RunSpec

_NO_PACE = "The run that was to measure how long an epoch takes did not finish."
_NO_FACTOR = "None of the runs that tried learning rates for this scenario finished."
_LONGEST_EPOCHS = 1000.0


def planned_runs(
    spec: ComparisonSpec, runs: Sequence[RunSpec], past: Sequence[tuple[RunSpec, float]] = ()
) -> list[PlannedRun]:
    """All runs that a comparison needs, in the order of the queue.

    The first seed's runs write their models, of several numbers of training sentences those of the
    largest, the others do not: a model takes as much disk as the checkpoint. `past` are earlier
    runs with the training seconds of one epoch, which an equal time rests on; without one alike a
    run of one epoch measures it. What a sweep or a measurement is yet to decide is held until
    `advance` releases it.
    """
    scouts: list[PlannedRun] = []
    epochs: dict[object, float | None] = {}
    for first in (run for run in runs if run.seed == spec.seeds[0]):
        known = _known_epochs(spec, first, past)
        epochs[arm_of(first)] = known
        if known is None:
            scouts.append(PlannedRun(_with_epochs(first, 1.0), Role.PACE, keeps_model=False))
        if len(spec.sweep) > 1:
            tried = _with_epochs(first, known or spec.epochs)
            scouts += [
                PlannedRun(
                    at_factor(tried, factor),
                    Role.SWEEP,
                    factor,
                    held=known is None,
                    keeps_model=_keeps_model(first, runs),
                )
                for factor in spec.sweep
            ]
    results = [
        PlannedRun(
            _with_epochs(run, epochs[arm_of(run)] or spec.epochs),
            held=epochs[arm_of(run)] is None or len(spec.sweep) > 1,
            keeps_model=_keeps_model(run, runs),
        )
        for run in runs
    ]
    if len(spec.sweep) == 1:
        results = [replace(run, spec=at_factor(run.spec, spec.sweep[0])) for run in results]
    return scouts + results


def advance(store: RunStore, settings: Settings, comparison: str) -> None:
    """Release what the runs that have ended decide; call it when one ends. Nothing is done twice.

    An equal time: `seconds` over the training seconds of one epoch are the epochs of the scenario's
    other runs on as many training sentences. A sweep: of the finished runs that of the highest
    headline metric (accuracy, entity F1), averaged over the tasks, gives the factor, the first
    named where two are equal; being to the bit the result of the first seed, it becomes that
    result. The factor is chosen on the validation split that also judges the result, so that first
    seed flatters.
    """
    try:
        record = store.comparison(comparison)
    except UnknownComparison:  # deleted since its run ended
        return
    for arm in dict.fromkeys(arm_of(run.spec) for run in record.runs):
        runs, scouts = (
            [run for run in each if arm_of(run.spec) == arm]
            for each in (record.runs, record.scouts)
        )
        if any(run.held and run.state is RunState.WAITING for run in (*runs, *scouts)):
            paces, sweeps = (
                [run for run in scouts if run.role is role] for role in (Role.PACE, Role.SWEEP)
            )
            if paces and (not sweeps or any(run.held for run in sweeps)):
                _settle_epochs(store, record.spec, paces, sweeps, runs)
            elif sweeps:
                _settle_factor(store, settings, sweeps, runs)


def advance_all(store: RunStore, settings: Settings) -> None:
    """`advance` for every comparison with runs that are held: one whose process went away at the
    wrong moment goes on."""
    for comparison in dict.fromkeys(run.comparison for run in store.active() if run.held):
        if comparison is not None:
            advance(store, settings, comparison)


def resume(store: RunStore, record: ComparisonRecord, owner: Owner | None = None) -> None:
    """Queue again what was stopped, failed or interrupted; finished runs are kept.

    Runs that tried rates or measured time are only repeated where their scenario still waits for
    what they decide. With an `owner` all that waits, waits for that process alone.
    """
    undecided = {arm_of(run.spec) for run in record.runs if run.held and run.state.is_final}
    again = [run.id for run in record.scouts if arm_of(run.spec) in undecided]
    store.requeue(again + [run.id for run in record.runs], owner)
    if owner is not None:
        store.reserve(record.id, owner)


def paces(store: RunStore, runs: Sequence[RunRecord]) -> list[tuple[RunSpec, float]]:
    """Finished runs that trained, each with the training seconds of one of its epochs."""
    found = []
    for run in runs:
        seconds = _epoch_seconds(store, run)
        if seconds:
            found.append((run.spec, seconds))
    return found


def _keeps_model(run: RunSpec, runs: Sequence[RunSpec]) -> bool:
    """Whether a run of the first seed and of the largest number of training sentences, which
    come first."""
    return (run.seed, run.examples) == (runs[0].seed, runs[0].examples)


def _known_epochs(
    spec: ComparisonSpec, run: RunSpec, past: Sequence[tuple[RunSpec, float]]
) -> float | None:
    """The epochs of a scenario's runs; None where they are yet to be measured."""
    if spec.seconds is None:
        return spec.epochs
    for other, epoch_seconds in past:
        if work(other) == work(run):
            return _epochs_in(spec.seconds, epoch_seconds)
    return None


def work(spec: RunSpec) -> tuple[object, ...]:
    """What decides how long an epoch takes: all but the seed, the epochs and the rates."""
    phases = tuple((phase.train, phase.epochs) for phase in spec.plan.phases)
    limits = tuple(sorted(spec.examples.items()))
    shapes = (spec.checkpoint, spec.data, limits, spec.batch_size, spec.max_length, spec.threads)
    where = (spec.device, spec.precision, spec.prefix_reuse)
    return (*shapes, *where, phases, spec.plan.freeze)


def _settle_epochs(
    store: RunStore,
    spec: ComparisonSpec,
    measured: Sequence[RunRecord],
    sweeps: Sequence[RunRecord],
    runs: Sequence[RunRecord],
) -> None:
    if not all(run.state.is_final for run in measured):
        return
    if any(run.state is not RunState.FINISHED for run in measured):
        _fail(store, (*sweeps, *runs), _NO_PACE)
        return
    seconds = _epoch_seconds(store, measured[-1])
    epochs = _epochs_in(spec.seconds, seconds) if spec.seconds and seconds else spec.epochs
    now_known = {run.id: _with_epochs(run.spec, epochs) for run in runs}
    store.settle(now_known, held=bool(sweeps))
    store.settle({run.id: _with_epochs(run.spec, epochs) for run in sweeps}, held=False)


def _settle_factor(
    store: RunStore,
    settings: Settings,
    sweeps: Sequence[RunRecord],
    runs: Sequence[RunRecord],
) -> None:
    if not all(run.state.is_final for run in sweeps):
        return
    finished = [run for run in sweeps if run.state is RunState.FINISHED and run.factor]
    if not finished:
        _fail(store, runs, _NO_FACTOR)
        return
    best = max(finished, key=lambda run: _score(store, run))
    specs = {run.id: at_factor(run.spec, best.factor or 1.0) for run in runs}
    same = {run.id: best.id for run in runs if run.spec.seed == best.spec.seed}
    store.settle(specs, held=False, instead=same)
    for run in sweeps:
        if run is not best:
            shutil.rmtree(settings.run_folder(run.id), ignore_errors=True)


def _fail(store: RunStore, runs: Sequence[RunRecord], reason: str) -> None:
    for run in runs:
        if run.held and run.state is RunState.WAITING:
            store.append(run.id, [RunFailed(elapsed_seconds=0.0, reason=reason)])


def _score(store: RunStore, run: RunRecord) -> float:
    last = store.latest(run.id, "run_finished")
    if not isinstance(last, RunFinished) or not last.metrics:
        return float("-inf")
    return sum(score.headline for score in last.metrics.values()) / len(last.metrics)


def _epoch_seconds(store: RunStore, run: RunRecord) -> float | None:
    if run.state is not RunState.FINISHED:
        return None
    last = store.latest(run.id, "run_finished")
    return last.training_seconds / run.spec.epochs if isinstance(last, RunFinished) else None


def _epochs_in(seconds: float, epoch_seconds: float) -> float:
    """To four digits: a number that can be read and typed."""
    return min(_LONGEST_EPOCHS, float(f"{seconds / epoch_seconds:.4g}"))


def _with_epochs(spec: RunSpec, epochs: float) -> RunSpec:
    return spec.model_copy(update={"epochs": epochs})
