"""Estimates how long runs and comparisons take, and when a waiting run starts.

The estimates use the durations of finished runs with the same settings. Without such a run,
`estimate_duration` uses the durations in `TWO_CORE_SECONDS`, or computes one from costs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mtl_core.engine.capacity import free_times
from mtl_core.engine.comparisons import workload
from mtl_core.models.catalogue import EMBEDDED
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.dataset import SAMPLE
from mtl_core.training.spec import RunSpec

TWO_CORE_SECONDS: Mapping[str, float] = {
    "frozen": 5,
    "heads-only": 6,
    "top-1": 13,
    "top-2": 16,
    "top-3": 22,
    "full": 35,
    "gradual": 14,
    "discriminative": 36,
    "layernorm": 26,
    "bitfit": 28,
    "bottom-1": 25,
    "embeddings-frozen": 34,
    "lp-ft": 20,
    "ulmfit": 33,
    "chain-thaw": 30,
}
"""Seconds of a run on two cores by scenario, as in the README.

The runs train the embedded checkpoint on the sample data for three epochs.
"""

_EPOCHS, _SENTENCES = 3.0, 800  # of the runs above
_WITHOUT_TRAINING = 4.0  # seconds of loading and of evaluations


class DurationSource(StrEnum):
    """What the estimate of a duration is based on, the most reliable one first."""

    GIVEN = "the seconds of each run"
    THIS_MACHINE = "runs on this machine"
    INCLUDED = "the included runs"
    TWO_CORES = "runs on two cores"
    COMPUTED = "the computed cost of a step and the speed of this machine"


@dataclass(frozen=True, slots=True)
class DurationEstimate:
    """The estimated duration of a comparison in seconds, None if unknown.

    `source` is the least reliable one of all its runs.
    """

    seconds: float | None
    source: DurationSource


@dataclass(frozen=True, slots=True)
class RunAhead:
    """A run before another one in the queue, and its remaining seconds, None if unknown."""

    run: RunRecord
    seconds: float | None


def estimate_duration(
    specs: Sequence[RunSpec],
    past: Sequence[RunRecord],
    seconds_each: float | None = None,
    at_once: int = 1,
    computed: Callable[[RunSpec], float | None] = lambda _: None,
) -> DurationEstimate:
    """Estimates the duration of runs of which `at_once` are trained at the same time, in order.

    `past` are earlier runs, newest first. `seconds_each` is a training time that all runs share.
    `computed` estimates the seconds of a run that no other run is like.
    """
    if seconds_each is not None:
        each = [seconds_each + _WITHOUT_TRAINING] * len(specs)
        return DurationEstimate(free_times((), each, at_once)[-1], DurationSource.GIVEN)
    own, included = ([run for run in past if run.shipped is each] for each in (False, True))
    sources: tuple[tuple[DurationSource, Callable[[RunSpec], float | None]], ...] = (
        (DurationSource.THIS_MACHINE, lambda spec: estimated_seconds(spec, own)),
        (DurationSource.INCLUDED, lambda spec: estimated_seconds(spec, included)),
        (DurationSource.TWO_CORES, lambda spec: _seconds_on_two_cores(spec, at_once)),
        (DurationSource.COMPUTED, computed),
    )
    works = [(*workload(spec), spec.epochs) for spec in specs]
    by_work: dict[tuple[object, ...], tuple[float, DurationSource] | None] = {}
    for work, spec in zip(works, specs, strict=True):
        if work not in by_work:
            found = ((estimate(spec), source) for source, estimate in sources)
            by_work[work] = next(
                ((seconds, source) for seconds, source in found if seconds is not None), None
            )
    known = [estimate for work in works if (estimate := by_work[work]) is not None]
    least = max((source for _, source in known), key=list(DurationSource).index, default=None)
    complete = len(known) == len(specs)
    total = free_times((), [seconds for seconds, _ in known], at_once)[-1] if complete else None
    return DurationEstimate(total, least or DurationSource.COMPUTED)


def with_sweep_runs(specs: Sequence[RunSpec], sweep: Sequence[float]) -> list[RunSpec]:
    """Adds the runs of a learning rate sweep to the runs of a comparison.

    Each plan is trained once per factor with the first seed. The best of these runs is also the
    plan's result for that seed, so the sweep adds one run less than it has factors.
    """
    first = [spec for spec in specs if spec.seed == specs[0].seed]
    return [*specs, *first * max(0, len(sweep) - 1)]


def runs_ahead(
    before: Sequence[RunRecord],
    remaining: Mapping[str, float | None],
    past: Sequence[RunRecord],
    now: datetime,
) -> tuple[RunAhead, ...]:
    """Estimates the remaining seconds of each run in `before`.

    `remaining` are the estimates of running runs, by id. A run without one gets the estimate of its
    whole duration minus the time since its start. `past` are earlier runs, newest first.
    """
    return tuple(
        RunAhead(run, _remaining_seconds(run, remaining.get(run.id), past, now)) for run in before
    )


def expected_wait(ahead: Sequence[RunAhead], at_once: int = 1) -> float | None:
    """Returns the seconds until a run can start behind `ahead`; None if one of them is unknown.

    `at_once` runs with the threads of that run are trained at the same time. Running runs of one
    job occupy one place.
    """
    running: dict[object, float] = {}
    waiting = []
    for each in ahead:
        if each.seconds is None:
            return None
        if each.run.state is RunState.RUNNING:
            running[each.run.job] = max(each.seconds, running.get(each.run.job, 0.0))
        else:
            waiting.append(each.seconds)
    return free_times(running.values(), waiting, at_once)[0]


def estimated_seconds(spec: RunSpec, past: Sequence[RunRecord]) -> float | None:
    """Estimates the duration of a run from the latest finished run with the same workload.

    The seed, the learning rates and the number of epochs may differ. The duration of the past run,
    with loading and evaluations, is scaled by the number of epochs. Returns None if there is no
    such run.
    """
    work = workload(spec)
    for run in past:
        comparable = run.state is RunState.FINISHED and workload(run.spec) == work
        if comparable and run.seconds is not None:
            return run.seconds * spec.epochs / run.spec.epochs
    return None


def _seconds_on_two_cores(spec: RunSpec, at_once: int) -> float | None:
    """Scales the duration in `TWO_CORE_SECONDS` by epochs and sentences.

    Those runs had both cores. A run with one core counts twice, which is the most it can take.
    """
    measured = TWO_CORE_SECONDS.get(spec.scenario or "")
    if measured is None or not spec.reuses_prefix or not spec.computes_as_usual:
        return None
    if (spec.checkpoint, spec.data) != (EMBEDDED, SAMPLE):
        return None
    sentences = sum(spec.examples.get(task.name, _SENTENCES // 2) for task in spec.tasks)
    training = max(0.0, measured - _WITHOUT_TRAINING)
    seconds = _WITHOUT_TRAINING + training * spec.epochs / _EPOCHS * sentences / _SENTENCES
    return seconds * min(2, at_once)


def _remaining_seconds(
    run: RunRecord, known: float | None, past: Sequence[RunRecord], now: datetime
) -> float | None:
    if known is not None:
        return known
    whole = estimated_seconds(run.spec, past)
    if whole is None:
        return None
    return max(0.0, whole - run.seconds_since_start(now))
