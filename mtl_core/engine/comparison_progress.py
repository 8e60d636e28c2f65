"""How far a comparison has come, and when all of it will be done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mtl_core.engine.comparisons import work
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunStarted, Step


@dataclass(frozen=True, slots=True)
class ComparisonProgress:
    """A comparison at one moment, what it tried or measured first included.

    `failed` counts interrupted runs too. `share_done` is of the time where it can be estimated,
    else of the runs; `remaining_seconds` is None where it cannot, or where nothing is left.
    """

    total: int
    finished: int
    running: int
    waiting: int
    failed: int
    stopped: int
    share_done: float
    remaining_seconds: float | None
    current: RunRecord | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing of it runs or waits."""
        return self.running + self.waiting == 0


def progress_of(store: RunStore, record: ComparisonRecord, now: datetime) -> ComparisonProgress:
    """How far `record` has come. Run times are those of finished runs that do the same work, in
    this comparison or before it, else in proportion to the epochs of what finished so far."""
    runs = (*record.scouts, *record.runs)
    counted = {state: sum(run.state is state for run in runs) for state in RunState}
    current = next((run for run in runs if run.state is RunState.RUNNING), None)
    share = _share(store, current) if current else 0.0
    seconds = _estimates(runs, store.runs(shipped=None))
    left = _left(runs, seconds, share)
    done = sum(_took(run) or 0.0 for run in runs if run.state is RunState.FINISHED)
    done += _elapsed(current, now) if current else 0.0
    by_runs = (counted[RunState.FINISHED] + share) / len(runs) if runs else 1.0
    ended = counted[RunState.RUNNING] + counted[RunState.WAITING] == 0
    return ComparisonProgress(
        total=len(runs),
        finished=counted[RunState.FINISHED],
        running=counted[RunState.RUNNING],
        waiting=counted[RunState.WAITING],
        failed=counted[RunState.FAILED] + counted[RunState.INTERRUPTED],
        stopped=counted[RunState.STOPPED],
        share_done=by_runs if ended or left is None else done / max(done + left, 1e-9),
        remaining_seconds=None if ended else left,
        current=current,
    )


def _left(
    runs: Iterable[RunRecord], seconds: Mapping[str, float | None], share: float
) -> float | None:
    """What is still to do, in seconds; None where one run cannot be estimated."""
    left = 0.0
    for run in runs:
        if run.state.is_final:
            continue
        whole = seconds[run.id]
        if whole is None:
            return None
        left += whole * (1 - share) if run.state is RunState.RUNNING else whole
    return left


def _estimates(runs: Sequence[RunRecord], past: Sequence[RunRecord]) -> dict[str, float | None]:
    """What each run takes as a whole."""
    alike: dict[tuple[object, ...], float] = {}
    for run in (*past[::-1], *runs):  # what was measured last, and here, counts
        took = _took(run)
        if took is not None:
            alike[work(run.spec)] = took / run.spec.epochs
    here = [took / run.spec.epochs for run in runs if (took := _took(run)) is not None]
    usual = sum(here) / len(here) if here else None
    rates = {run.id: alike.get(work(run.spec), usual) for run in runs}
    return {
        run.id: None if (rate := rates[run.id]) is None else rate * run.spec.epochs for run in runs
    }


def _share(store: RunStore, run: RunRecord) -> float:
    """How much of a running run's steps are done."""
    began, step = store.latest(run.id, "run_started"), store.latest(run.id, "step")
    if not isinstance(began, RunStarted) or not isinstance(step, Step) or not began.total_steps:
        return 0.0
    return min(1.0, step.step / began.total_steps)


def _took(run: RunRecord) -> float | None:
    if run.state is not RunState.FINISHED or run.started_at is None or run.finished_at is None:
        return None
    return (run.finished_at - run.started_at).total_seconds()


def _elapsed(run: RunRecord, now: datetime) -> float:
    return (now - run.started_at).total_seconds() if run.started_at else 0.0
