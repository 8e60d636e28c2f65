"""The progress of a comparison and its estimated remaining time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mtl_core.engine.capacity import free_times
from mtl_core.engine.comparisons import workload
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunStarted, Step
from mtl_core.training.starting import Starting

Job = Sequence[RunRecord]
"""Running runs that one process trains together; most jobs have one run."""


@dataclass(frozen=True, slots=True)
class ComparisonProgress:
    """The progress of a comparison, including its sweep and measurement runs.

    `failed` counts interrupted runs too. `share_done` is the finished share of the estimated time;
    without an estimate, of the runs. `remaining_seconds` is None without an estimate and once the
    comparison has ended. `current` are the running runs, `starting` the stages of those that have
    not taken a step, by id.
    """

    total: int
    finished: int
    running: int
    waiting: int
    failed: int
    stopped: int
    share_done: float
    remaining_seconds: float | None
    current: tuple[RunRecord, ...] = ()
    starting: Mapping[str, Starting] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether no run is running or waiting."""
        return self.running + self.waiting == 0


def progress_of(
    store: RunStore, record: ComparisonRecord, now: datetime, at_once: int = 1
) -> ComparisonProgress:
    """Compute the progress of a comparison of which `at_once` runs are trained at the same time.

    The time of a run is estimated from a finished run with the same workload, in this comparison
    or an earlier one. If there is none, it is estimated from the epochs of the runs of this
    comparison that have finished.
    """
    runs = (*record.trial_runs, *record.runs)
    counted = {state: sum(run.state is state for run in runs) for state in RunState}
    current = tuple(run for run in runs if run.state is RunState.RUNNING)
    jobs = _jobs(current)
    shares = _shares(store, jobs)
    left = _seconds_left(runs, _estimates(runs, store.runs(shipped=None)), shares)
    if left is not None:
        left |= _left_at_own_pace(left, jobs, shares, now)
    done = sum(_own_seconds(run) or 0.0 for run in runs)
    done += sum(job[0].seconds_since_start(now) for job in jobs)
    finished = counted[RunState.FINISHED] + sum(shares.values())
    by_runs = finished / len(runs) if runs else 1.0
    ended = not current and not counted[RunState.WAITING]
    return ComparisonProgress(
        total=len(runs),
        finished=counted[RunState.FINISHED],
        running=counted[RunState.RUNNING],
        waiting=counted[RunState.WAITING],
        failed=counted[RunState.FAILED] + counted[RunState.INTERRUPTED],
        stopped=counted[RunState.STOPPED],
        share_done=by_runs
        if ended or left is None
        else done / max(done + sum(left.values()), 1e-9),
        remaining_seconds=None if ended or left is None else _remaining(left, jobs, at_once),
        current=current,
        starting={
            run.id: stages[-1]
            for run in current
            if not shares[run.id] and (stages := store.stages(run.id))
        },
    )


def _seconds_left(
    runs: Iterable[RunRecord],
    estimates: Mapping[str, float | None],
    shares: Mapping[str, float],
) -> dict[str, float] | None:
    """The seconds of each run that has not ended, by its id; None if one has no estimate.

    `shares` are the finished shares of the running runs.
    """
    left = {}
    for run in runs:
        if not run.state.is_final:
            whole = estimates[run.id]
            if whole is None:
                return None
            left[run.id] = whole * (1 - shares.get(run.id, 0.0))
    return left


def _left_at_own_pace(
    left: Mapping[str, float], jobs: Iterable[Job], shares: Mapping[str, float], now: datetime
) -> dict[str, float]:
    """The seconds left of runs trained together, each an equal part of what its job needs.

    Estimates from runs alone are too high for them, so the pace of the job is a limit.
    """
    found: dict[str, float] = {}
    for job in jobs:
        share = shares[job[0].id]
        if len(job) > 1 and share > 0:
            each = job[0].seconds_since_start(now) * (1 / share - 1) / len(job)
            found |= {run.id: min(left[run.id], each) for run in job}
    return found


def _remaining(left: Mapping[str, float], jobs: Sequence[Job], at_once: int) -> float:
    """The seconds until all runs have ended. A job occupies one place, however many runs it has."""
    now = [sum(left[run.id] for run in job) for job in jobs]
    running = {run.id for job in jobs for run in job}
    later = [seconds for run, seconds in left.items() if run not in running]
    return free_times(now, later, max(at_once, len(now), 1))[-1]


def _estimates(runs: Sequence[RunRecord], past: Sequence[RunRecord]) -> dict[str, float | None]:
    """The estimated seconds of each whole run, by its id."""
    by_workload: dict[tuple[object, ...], float] = {}
    for run in (*past[::-1], *runs):  # later ones win: the newest, then those of this comparison
        seconds = _own_seconds(run)
        if seconds is not None:
            by_workload[workload(run.spec)] = seconds / run.spec.epochs
    measured = [
        seconds / run.spec.epochs for run in runs if (seconds := _own_seconds(run)) is not None
    ]
    average = sum(measured) / len(measured) if measured else None
    epoch_seconds = {run.id: by_workload.get(workload(run.spec), average) for run in runs}
    return {
        run.id: None if (seconds := epoch_seconds[run.id]) is None else seconds * run.spec.epochs
        for run in runs
    }


def _own_seconds(run: RunRecord) -> float | None:
    """The seconds of a finished run; an equal part for runs that were trained together."""
    if run.state is not RunState.FINISHED or run.seconds is None:
        return None
    return run.seconds / (run.spec.trained_together or 1)


def _jobs(running: Iterable[RunRecord]) -> list[Job]:
    """The running runs by job."""
    jobs: dict[object, list[RunRecord]] = {}
    for run in running:
        jobs.setdefault(run.job, []).append(run)
    return list(jobs.values())


def _shares(store: RunStore, jobs: Iterable[Job]) -> dict[str, float]:
    """The finished share of each running run, by its id; the runs of a job advance together."""
    return {run.id: share for job in jobs for share in [_share(store, job[0])] for run in job}


def _share(store: RunStore, run: RunRecord) -> float:
    """The finished share of a running run's steps."""
    started, step = store.latest(run.id, "run_started"), store.latest(run.id, "step")
    if not isinstance(started, RunStarted) or not isinstance(step, Step) or not started.total_steps:
        return 0.0
    return min(1.0, step.step / started.total_steps)
