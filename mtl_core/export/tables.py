"""The tables of a bundle as CSV: every point of every run, with all its digits."""

import csv
import io
from collections.abc import Iterator, Sequence
from statistics import stdev

from mtl_core.analysis.comparison import ComparedRun
from mtl_core.analysis.differences import spec_differences
from mtl_core.analysis.plans import PlanResult, headlines
from mtl_core.charts.pareto import Cost
from mtl_core.export.csv_text import Cell, csv_text
from mtl_core.export.error_tables import error_tables
from mtl_core.freezing.table import ParameterTable
from mtl_core.freezing.table_text import as_csv
from mtl_core.report.compare_words import metric_name
from mtl_core.report.curve import train_sentences
from mtl_core.report.front import front_points
from mtl_core.report.load import Report, ReportRun
from mtl_core.training.events import Evaluation, Step

_PAID_WITH = {
    Cost.SECONDS: "seconds",
    Cost.MEMORY: "peak_memory_bytes",
    Cost.SHARE: "trained_share",
}


def tables_of(report: Report) -> Iterator[tuple[str, str]]:
    """Name and content of each CSV file."""
    yield "scores.csv", _scores(report)
    if len(report.runs) > 1:
        yield "plans.csv", _plans(report)
        yield "fronts.csv", _fronts(report)
    yield "losses.csv", _losses(report)
    yield "learning-rates.csv", _rates(report)
    yield "evaluations.csv", _evaluations(report)
    if any(run.summary.measured for run in report.runs):
        yield "movement.csv", _movement(report)
    if len(report.runs) > 1:
        yield "differences.csv", _differences(report)
    yield from error_tables(report)
    for _, run in report.one_of_each:  # other seeds of a plan have the same table
        for table in run.tables:
            phase = f"-phase-{table.phase_number}" if len(run.tables) > 1 else ""
            yield f"parameters-{run.id}{phase}.csv", parameters_csv(table)


def parameters_csv(table: ParameterTable) -> str:
    """The parameter table of one phase, as `inspect --format csv` prints it, formulas disarmed."""
    columns, *rows = csv.reader(io.StringIO(as_csv(table)))
    return csv_text(columns, rows)


def _scores(report: Report) -> str:
    columns = (
        *("run", "name", "plan", "checkpoint", "data", "seed", "state", "task", "metric"),
        *("value", "before_training", "validation_sentences", "standard_error", "standing"),
        *("total_seconds", "peak_memory_bytes", "frozen_tensors", "frozen_identical"),
    )
    rows = [row for label, run in report.named for row in _score_rows(label, run)]
    return csv_text(columns, rows)


def _score_rows(label: ComparedRun, run: ReportRun) -> Iterator[Sequence[Cell]]:
    spec, end = run.record.spec, run.summary.finished
    for task in run.summary.tasks:
        result = label.results[task.task.name]
        yield (
            *(run.id, run.record.title, label.label, spec.checkpoint, spec.data, spec.seed),
            *(str(run.record.state), task.task.name, task.metric, result.value, result.first),
            *(result.sentences, result.standard_error, str(result.standing)),
            end.total_seconds if end else None,
            end.peak_memory_bytes if end else None,
            end.frozen_tensors if end else None,
            _truth(end.frozen_identical if end else None),
        )


def _plans(report: Report) -> str:
    """A row for each plan and task; of several numbers of training sentences at each of them,
    judged among the plans with that number."""
    sizes = ("training_sentences",) if report.compared.by_size else ()
    columns = (
        *("plan", "scenario", *sizes, "task", "metric", "finished_seeds", "mean"),
        "standard_deviation",
        *("lowest", "highest", "before_training", "verdict", "difference_to_best"),
        *("difference_low", "difference_high", "pairs_of_seeds", "sentences", "seconds"),
        *("memory_bytes", "trainable", "parameters", "trained_share", "frozen_identical"),
        "converged",
    )
    plans = report.compared.every_plan
    return csv_text(columns, (row for plan in plans for row in _plan_rows(plan, bool(sizes))))


def _plan_rows(plan: PlanResult, sized: bool) -> Iterator[Sequence[Cell]]:
    known = plan.trainable is not None and plan.total
    for name, result in plan.tasks.items():
        values = tuple(headlines(plan, name).values())
        against = result.against_best
        yield (
            *(plan.label, plan.scenario),
            *([train_sentences(plan, result.task)] if sized else []),
            *(name, metric_name(result.task), result.seeds, result.mean),
            stdev(values) if len(values) > 1 else None,
            *(result.low, result.high, result.before, str(result.verdict)),
            *((against.effect, against.low, against.high) if against else (None, None, None)),
            *((against.seeds, against.sentences) if against else (None, None)),
            *(plan.seconds, plan.peak_memory_bytes, plan.trainable, plan.total),
            (plan.trainable or 0) / (plan.total or 1) if known else None,
            _truth(plan.frozen_exact),
            _truth(plan.converged.get(name)),
        )


def _fronts(report: Report) -> str:
    """Every point of every figure of quality against a cost, baselines without a cost."""
    columns = (
        *("task", "metric", "paid_with", "kind", "name", "cost", "mean", "lowest", "highest"),
        "on_front",
    )
    return csv_text(
        columns,
        (
            (
                *(point.task.name, metric_name(point.task), _PAID_WITH[point.paid_with]),
                *("baseline" if point.baseline else "plan", point.label, point.cost, point.mean),
                *(point.low, point.high, _truth(None if point.baseline else point.on_front)),
            )
            for point in front_points(report.compared, report.baselines)
        ),
    )


def _movement(report: Report) -> str:
    """How far each group of tensors moved in each run: exactly 0 where it was frozen."""
    columns = ("run", "plan", "seed", "group", "moved", "gradient_norm", "linear_cka")
    plans = {
        run.run: plan.label for plan in report.compared.every_plan for run in plan.runs.values()
    }
    return csv_text(
        columns,
        (
            (
                *(run.id, plans.get(run.id), run.record.spec.seed, group),
                *(moved.moved, moved.gradient_norm, moved.cka),
            )
            for run in report.runs
            if run.summary.measured
            for group, moved in run.summary.measured.groups.items()
        ),
    )


def _losses(report: Report) -> str:
    columns = ("run", "phase", "step", "epoch", "elapsed_seconds", "task", "loss")
    return csv_text(
        columns,
        (
            (run.id, event.phase, event.step, event.epoch, event.elapsed_seconds, task, loss)
            for run, event in _steps(report)
            for task, loss in event.loss.items()
        ),
    )


def _rates(report: Report) -> str:
    return csv_text(
        ("run", "phase", "step", "epoch", "group", "learning_rate"),
        (
            (run.id, event.phase, event.step, event.epoch, group, rate)
            for run, event in _steps(report)
            for group, rate in event.learning_rates.items()
        ),
    )


def _steps(report: Report) -> Iterator[tuple[ReportRun, Step]]:
    for run in report.runs:
        for event in run.events:
            if isinstance(event, Step):
                yield run, event


def _evaluations(report: Report) -> str:
    columns = ("run", "phase", "step", "epoch", "elapsed_seconds", "split", "task", "metric")
    return csv_text(
        (*columns, "value"),
        (
            (
                *(run.id, event.phase, event.step, event.epoch, event.elapsed_seconds),
                *(event.split, task, metric, value),
            )
            for run in report.runs
            for event in run.events
            if isinstance(event, Evaluation)
            for task, score in event.tasks.items()
            for metric, value in score.model_dump().items()
        ),
    )


def _differences(report: Report) -> str:
    found = spec_differences([run.summary.spec for run in report.runs])
    columns = ("key", *(run.id for run in report.runs))
    return csv_text(columns, ((each.key, *each.values) for each in found))


def _truth(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()
