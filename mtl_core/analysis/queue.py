"""When a waiting run will begin: from what the running one has left and what others took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mtl_core.store.record import RunRecord, RunState
from mtl_core.training.spec import RunSpec


@dataclass(frozen=True, slots=True)
class Ahead:
    """A run that comes before a waiting one, and the seconds it will still take (None: unknown)."""

    run: RunRecord
    seconds: float | None


def runs_ahead(
    before: Sequence[RunRecord],
    remaining: Mapping[str, float | None],
    past: Sequence[RunRecord],
    now: datetime,
) -> tuple[Ahead, ...]:
    """Each run of `before` with what it will still take, in seconds.

    `remaining` is what running ones say themselves, by id. Where one does not say yet, it is the
    estimate of the whole less the time since it began. `past` are earlier runs, newest first.
    """
    return tuple(Ahead(run, _left(run, remaining.get(run.id), past, now)) for run in before)


def expected_wait(ahead: Sequence[Ahead]) -> float | None:
    """Seconds until all of them are done; None where one of them cannot be estimated."""
    known = [each.seconds for each in ahead if each.seconds is not None]
    return sum(known) if len(known) == len(ahead) else None


def estimated_seconds(spec: RunSpec, past: Sequence[RunRecord]) -> float | None:
    """What a run of `spec` will take: its steps at the pace of the latest finished run alike.

    The pace is that run's whole time, loading and evaluations too, by its steps; and as alike runs
    have steps in proportion to their epochs, no step need be counted. None without such a run.
    """
    for run in past:
        alike = run.state is RunState.FINISHED and _work(run.spec) == _work(spec)
        if alike and run.started_at and run.finished_at:
            took = (run.finished_at - run.started_at).total_seconds()
            return took * spec.epochs / run.spec.epochs
    return None


def _left(
    run: RunRecord, says: float | None, past: Sequence[RunRecord], now: datetime
) -> float | None:
    if says is not None:
        return says
    whole = estimated_seconds(run.spec, past)
    if whole is None or run.started_at is None:
        return whole
    return max(0.0, whole - (now - run.started_at).total_seconds())


def _work(spec: RunSpec) -> tuple[object, ...]:
    """What decides a step's time and the steps of an epoch; not the seed, nor the epochs."""
    limits = tuple(sorted(spec.examples.items()))
    return (spec.checkpoint, spec.plan, spec.data, limits, spec.batch_size, spec.max_length)
