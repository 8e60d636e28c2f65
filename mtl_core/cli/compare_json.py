"""A comparison under the names that scripts read."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from mtl_core.analysis.plans import PlanComparison, Verdict
from mtl_core.report.compared import ComparedRuns
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import TrainSize, sorted_sizes, train_size
from mtl_core.training.events import PhaseStarted, RunEvent, RunFinished, RunStarted


def as_json(store: RunStore, record: ComparisonRecord, shown: ComparedRuns) -> dict[str, Any]:
    """The comparison under the names that scripts read.

    Of several numbers of training sentences each scenario stands there with each: `examples` says
    which (null: all there are). `best` and `verdicts` are at the largest, `best_by_examples` at
    each.
    """
    ends = {run.id: end_of(store, run) for run in (*record.scouts, *record.runs)}
    sizes = sorted_sizes(record.spec.train_sizes)
    by_size = [{"examples": each.size, "best": _best(each.plans)} for each in shown.by_size]
    return {
        "checkpoint": record.spec.checkpoint,
        "data": record.spec.data,
        "scenarios": [
            _arm(store, record, scenario, size, ends)
            for scenario in record.spec.scenarios
            for size in sizes or [None]
        ],
        "best": _best(shown.plans),
        "verdicts": _verdicts(shown.plans),
        **({"best_by_examples": by_size} if sizes else {}),
        "seconds": sum(end.total_seconds for end in ends.values() if end is not None),
    }


def end_of(store: RunStore, run: RunRecord) -> RunFinished | None:
    """What a finished run said last; None for another one."""
    if run.state is not RunState.FINISHED:
        return None
    last = store.latest(run.id, "run_finished")
    return last if isinstance(last, RunFinished) else None


def _best(comparison: PlanComparison) -> dict[str, list[str]]:
    """By task, the plans that are not significantly below the best: best, within noise, open."""
    order = (Verdict.BEST, Verdict.WITHIN_NOISE, Verdict.OPEN)
    return {
        task.name: [plan.label for each in order for plan in comparison.scored(task.name, each)]
        for task in comparison.tasks
    }


def _verdicts(comparison: PlanComparison) -> dict[str, list[dict[str, Any]]]:
    """By task, the verdict on each plan with a score and its difference from the best."""
    return {
        task.name: [
            {
                "scenario": plan.label,
                "verdict": str(plan.tasks[task.name].verdict),
                "difference": None if tested is None else tested.effect,
                "low": None if tested is None else tested.low,
                "high": None if tested is None else tested.high,
            }
            for plan in comparison.scored(task.name)
            for tested in [plan.tasks[task.name].against_best]
        ]
        for task in comparison.tasks
    }


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
