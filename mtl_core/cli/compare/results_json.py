"""Converts the results of a comparison to JSON."""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from mtl_core.analysis.outcomes import Against, needed
from mtl_core.analysis.paired.planning import smallest_difference
from mtl_core.analysis.plans import PlanComparison, PlanResult, Verdict
from mtl_core.cli.stored_runs import finished_event
from mtl_core.report.baselines import unbeaten_words
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.forgetting import elsewhere
from mtl_core.report.load import Report
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.arm import ComparisonArm
from mtl_core.training.comparison import TrainSize, sorted_sizes, train_size
from mtl_core.training.events import PhaseStarted, RunFinished, RunStarted


def as_json(store: RunStore, record: ComparisonRecord, report: Report) -> dict[str, Any]:
    """The results of a comparison with the field names of the JSON output.

    `scenarios` has an entry for each arm, whose name is its `scenario`. With several numbers of
    training sentences there is an entry for each arm with each number, in `examples` (null: all).
    `best` and `verdicts` refer to the largest number, and `best_by_examples` to each. `best` holds
    the best plan and those that are equivalent to it.
    """
    compared = report.compared
    finished = {run.id: finished_event(store, run) for run in (*record.trial_runs, *record.runs)}
    sizes = sorted_sizes(record.spec.train_sizes)
    by_size = [{"examples": each.size, "best": _best(each.plans)} for each in compared.by_size]
    return {
        "checkpoint": record.spec.checkpoint,
        "data": record.spec.data,
        "scenarios": [
            _arm(store, record, arm, size, finished)
            for arm in record.spec.arms
            for size in sizes or [None]
        ],
        "best": _best(compared.plans),
        "verdicts": _verdicts(compared.plans),
        **(
            {}
            if compared.reference is None
            else {
                "against_reference": {
                    task: _against("reference", compared.reference, plans)
                    for task, plans in compared.against.items()
                }
            }
        ),
        **({"other_data": found} if (found := _other_data(compared)) else {}),
        "looks": [*record.spec.looks, len(record.spec.seeds)],
        "baselines": {
            task: {each.label: each.value for each in lines}
            for task, lines in report.baselines.items()
        },
        "against_baselines": {
            task: [row for each in lines for row in _against("baseline", each.label, each.against)]
            for task, lines in report.baselines.items()
        },
        "unbeaten": {
            task: unbeaten_words(compared.plans, task, lines)
            for task, lines in report.baselines.items()
        },
        **({"best_by_examples": by_size} if sizes else {}),
        "seconds": sum(event.total_seconds for event in finished.values() if event is not None),
    }


def _best(comparison: PlanComparison) -> dict[str, list[str]]:
    """By task, the best plan and those that are equivalent to it; none without a test."""
    order = (Verdict.BEST, Verdict.EQUIVALENT)
    return {
        task.name: [plan.label for each in order for plan in comparison.scored(task.name, each)]
        for task in comparison.tasks
    }


def _verdicts(comparison: PlanComparison) -> dict[str, list[dict[str, Any]]]:
    """By task, the verdict on each plan with a score and its difference from the best.

    Plans whose score is undefined come last.
    """
    return {
        task.name: [
            _verdict(plan, task.name, comparison)
            for plan in (*comparison.scored(task.name), *comparison.undefined(task.name))
        ]
        for task in comparison.tasks
    }


def _verdict(plan: PlanResult, task: str, comparison: PlanComparison) -> dict[str, Any]:
    """`verdict` is null without a test, as with one seed.

    `seeds_to_decide` and `sentences_to_decide` are null unless the plan is undecided.
    """
    result = plan.tasks[task]
    tested = result.against_best
    enough = needed(result) if result.verdict is Verdict.UNDECIDED else None
    best = comparison.scored(task, Verdict.BEST)
    return {
        "scenario": plan.label,
        "verdict": _tested(result.verdict),
        "difference": result.difference,
        "low": None if tested is None else tested.low,
        "high": None if tested is None else tested.high,
        "margin": result.margin,
        "reference": None if tested is None or not best else best[0].label,
        "smallest_detectable": None if tested is None else smallest_difference(tested),
        "seeds_to_decide": None if enough is None else enough.seeds,
        "sentences_to_decide": None if enough is None else enough.sentences,
    }


def _tested(verdict: Verdict) -> str | None:
    return None if verdict is Verdict.OPEN else str(verdict)


def _against(what: str, name: str, plans: Mapping[str, Against]) -> list[dict[str, Any]]:
    """The comparison of each plan with `name`, a "reference" or a "baseline", on one task."""
    return [
        {
            "scenario": label,
            "verdict": _tested(found.verdict),
            "difference": found.difference,
            "low": None if found.interval is None else found.interval.low,
            "high": None if found.interval is None else found.interval.high,
            "margin": found.margin,
            what: name,
        }
        for label, found in plans.items()
    ]


def _other_data(compared: ComparedRuns) -> dict[str, list[dict[str, Any]]]:
    """By other data set, the score of each arm on each task and on its own data.

    `low` and `high` bound the 95 % interval of `difference`, null if it is unknown.
    """
    return {
        data: [
            {
                "scenario": each.plan,
                "task": each.task.name,
                "before": each.metric.before,
                "after": each.metric.after,
                "on_own_data": each.on_own_data,
                "difference": each.metric.after - each.on_own_data,
                "low": None if each.difference is None else each.difference.low,
                "high": None if each.difference is None else each.difference.high,
            }
            for each in scores
        ]
        for data, scores in elsewhere(compared).items()
    }


def _arm(
    store: RunStore,
    record: ComparisonRecord,
    arm: ComparisonArm,
    size: TrainSize,
    finished: Mapping[str, RunFinished | None],
) -> dict[str, Any]:
    """An arm with one number of training sentences (`size`, None: all).

    An arm that is more than a scenario also has its `checkpoint`, its `base`, which is the scenario
    of its plan or null for a `plan` of its own, and the `options` that replace the comparison's.
    """
    sized = bool(record.spec.train_sizes)
    runs = [
        run
        for run in record.runs
        if run.spec.arm_name == arm.name and (not sized or train_size(run.spec) == size)
    ]
    scores = [_metrics(event) for run in runs if (event := finished[run.id]) is not None]
    trainable, frozen = _counts(store, runs)
    return {
        "scenario": arm.name,
        **({} if arm.is_plain else _own_values(arm, record.spec.checkpoint_of(arm))),
        **({"examples": size} if sized else {}),
        "seeds": [
            {
                "seed": run.spec.seed,
                "run": run.id,
                "seconds": None if (event := finished[run.id]) is None else event.total_seconds,
                "trained_together": run.spec.trained_together,
                "trained_beside": None if event is None else event.trained_beside,
                "metrics": None if event is None else _metrics(event),
            }
            for run in runs
        ],
        "mean": _over_seeds(scores, fmean),
        "low": _over_seeds(scores, min),
        "high": _over_seeds(scores, max),
        "trainable": trainable,
        "frozen": frozen,
    }


def _own_values(arm: ComparisonArm, checkpoint: str) -> dict[str, Any]:
    fields = {"learning_rate", "head_learning_rate", "task_weights", "options"}
    own = arm.model_dump(mode="json", include=fields, exclude_defaults=True)
    return {
        "checkpoint": checkpoint,
        "base": arm.scenario,
        "plan": None if arm.plan is None else arm.plan.model_dump(mode="json"),
        "options": {**own.pop("options", {}), **own},
    }


def _metrics(event: RunFinished) -> dict[str, dict[str, float | None]]:
    return {task: score.model_dump() for task, score in event.metrics.items()}


def _over_seeds(
    scores: Sequence[dict[str, dict[str, float | None]]], aggregate: Callable[[Any], float]
) -> dict[str, Any]:
    """Aggregate each metric of each task over the seeds; None if a seed has no value."""
    if not scores:
        return {}
    return {
        task: {
            metric: None if None in values else aggregate(values)
            for metric in metrics
            for values in [[each[task][metric] for each in scores]]
        }
        for task, metrics in scores[0].items()
    }


def _counts(store: RunStore, runs: Sequence[RunRecord]) -> tuple[int | None, int | None]:
    """Trainable and frozen parameters in the phase that trains most; None before it has run."""
    for run in runs:
        if run.state is not RunState.FINISHED:
            continue
        phases, totals = [], []
        for _, event in store.events(run.id, kinds=("run_started", "phase_started")):
            if isinstance(event, PhaseStarted):
                phases.append((event.trainable, event.frozen))
            elif isinstance(event, RunStarted):
                totals.append((event.totals.trainable, event.totals.frozen))
        if phases or totals:
            return max(phases or totals)
    return None, None
