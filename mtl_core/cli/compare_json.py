"""A comparison under the names that scripts read."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from mtl_core.analysis.by_size import AtSize
from mtl_core.analysis.plans import PlanComparison, Verdict
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import TrainSize, in_order, train_size
from mtl_core.training.events import PhaseStarted, RunEvent, RunFinished, RunStarted


def as_json(store: RunStore, record: ComparisonRecord, results: Sequence[AtSize]) -> dict[str, Any]:
    """The comparison under the names that scripts read.

    Of several numbers of training sentences each scenario stands there with each: `examples` says
    which (null: all there are). `best` is at the largest, `best_by_examples` at each.
    """
    ends = {run.id: end_of(store, run) for run in (*record.scouts, *record.runs)}
    sizes = in_order(record.spec.train_sizes)
    by_size = [{"examples": each.size, "best": _best(each)} for each in results]
    return {
        "checkpoint": record.spec.checkpoint,
        "data": record.spec.data,
        "scenarios": [
            _arm(store, record, scenario, size, ends)
            for scenario in record.spec.scenarios
            for size in sizes or [None]
        ],
        "best": _best(results[-1]),
        **({"best_by_examples": by_size} if sizes else {}),
        "seconds": sum(end.total_seconds for end in ends.values() if end is not None),
    }


def best_names(results: PlanComparison, task: str) -> list[str]:
    """The plans that are not told apart from the best, the best first: within noise of it, or with
    too few seeds and sentences to tell."""
    best, noise, open_ones = (
        plans_with(results, task, verdict)
        for verdict in (Verdict.BEST, Verdict.WITHIN_NOISE, Verdict.OPEN)
    )
    return best + noise + open_ones


def plans_with(results: PlanComparison, task: str, verdict: Verdict) -> list[str]:
    """The plans with a score of this verdict, the highest mean first."""
    scored = [
        (plan.tasks[task].mean or 0.0, plan.label)
        for plan in results.plans
        if task in plan.tasks
        and plan.tasks[task].mean is not None
        and plan.tasks[task].verdict is verdict
    ]
    return [label for _, label in sorted(scored, key=lambda each: -each[0])]


def end_of(store: RunStore, run: RunRecord) -> RunFinished | None:
    """What a finished run said last; None for another one."""
    if run.state is not RunState.FINISHED:
        return None
    last = store.latest(run.id, "run_finished")
    return last if isinstance(last, RunFinished) else None


def _best(results: AtSize) -> dict[str, list[str]]:
    return {task.name: best_names(results.plans, task.name) for task in results.plans.tasks}


def _arm(
    store: RunStore,
    record: ComparisonRecord,
    scenario: str,
    size: TrainSize,
    ends: Mapping[str, RunFinished | None],
) -> dict[str, Any]:
    """A scenario; with several numbers of training sentences with one of them."""
    sized = bool(record.spec.train_sizes)
    runs = [
        run
        for run in record.runs
        if run.spec.scenario == scenario and (not sized or train_size(run.spec) == size)
    ]
    scores = [_metrics(end) for run in runs if (end := ends[run.id]) is not None]
    trainable, frozen = _counts(store, runs)
    return {
        "scenario": scenario,
        **({"examples": size} if sized else {}),
        "seeds": [
            {
                "seed": run.spec.seed,
                "run": run.id,
                "seconds": None if (end := ends[run.id]) is None else end.total_seconds,
                "metrics": None if end is None else _metrics(end),
            }
            for run in runs
        ],
        "mean": _over(scores, fmean),
        "low": _over(scores, min),
        "high": _over(scores, max),
        "trainable": trainable,
        "frozen": frozen,
    }


def _metrics(end: RunFinished) -> dict[str, dict[str, float | None]]:
    return {task: score.model_dump() for task, score in end.metrics.items()}


def _over(
    scores: Sequence[dict[str, dict[str, float | None]]], what: Callable[[Any], float]
) -> dict[str, Any]:
    """`what` of each metric of each task over the seeds; None where a seed has none."""
    if not scores:
        return {}
    return {
        task: {
            metric: None if None in values else what(values)
            for metric in metrics
            for values in [[each[task][metric] for each in scores]]
        }
        for task, metrics in scores[0].items()
    }


def _counts(store: RunStore, runs: Sequence[RunRecord]) -> tuple[int | None, int | None]:
    """Parameters that learn and that are frozen, in the phase in which most learn."""
    for run in runs:
        told: list[RunEvent] = [
            event for _, event in store.events(run.id, kinds=("run_started", "phase_started"))
        ]
        phases = [(e.trainable, e.frozen) for e in told if isinstance(e, PhaseStarted)]
        starts = [(e.totals.trainable, e.totals.frozen) for e in told if isinstance(e, RunStarted)]
        if run.state is RunState.FINISHED and (phases or starts):
            return max(phases or starts)
    return None, None
