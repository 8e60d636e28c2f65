"""Builds the CSV tables of a bundle: every point of every run, with all digits."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import stdev

from mtl_core.analysis.differences import spec_differences
from mtl_core.analysis.errors import confusion
from mtl_core.analysis.forgetting import OtherDataScores
from mtl_core.analysis.intervals import standard_error
from mtl_core.analysis.marks import GoldLabels, final_answers, predicted_labels
from mtl_core.analysis.outcomes import Against
from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.analysis.plans import PlanResult, headlines
from mtl_core.charts.pareto import Cost
from mtl_core.freezing.table import ParameterTable
from mtl_core.freezing.table_text import as_csv
from mtl_core.report.compared import ComparedRuns, LabelledRun, lowest_seed_run
from mtl_core.report.curve import train_sentences
from mtl_core.report.errors import label_text, plans_with_predictions, sentence_text
from mtl_core.report.forgetting import elsewhere
from mtl_core.report.front import front_points
from mtl_core.report.load import Report, ReportRun
from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.example import Label
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.text import spreadsheet_text, visible
from mtl_core.training.events import Evaluation, Step

Cell = str | int | float | None

_SHARED = ("trained_together", "trained_beside")
"""Columns that mark shared seconds: runs of the same job, and other jobs at the same time."""
_COST_NAMES = {
    Cost.SECONDS: "seconds",
    Cost.MEMORY: "peak_memory_bytes",
    Cost.SHARE: "trained_share",
}


def tables_of(report: Report) -> Iterator[tuple[str, str]]:
    """Yields the name and the content of each CSV file."""
    yield "scores.csv", _scores(report)
    if len(report.runs) > 1:
        yield "plans.csv", _plans(report)
        yield "fronts.csv", _fronts(report)
        if any(each.against for lines in report.baselines.values() for each in lines):
            yield "against-baselines.csv", _against_baselines(report)
    if report.compared.reference is not None:
        yield "against-reference.csv", _against_reference(report.compared)
    yield "losses.csv", _losses(report)
    yield "learning-rates.csv", _rates(report)
    yield "evaluations.csv", _evaluations(report)
    if any(run.summary.measured for run in report.runs):
        yield "movement.csv", _movement(report)
    if len(report.runs) > 1:
        yield "differences.csv", _differences(report)
    if other_data := elsewhere(report.compared):
        yield "other-data.csv", _other_data(other_data)
    yield from _error_tables(report)
    for _, run in report.one_of_each:  # the seeds of a plan share their tables
        for table in run.tables:
            phase = f"-phase-{table.phase_number}" if len(run.tables) > 1 else ""
            yield f"parameters-{run.id}{phase}.csv", parameters_csv(table)


def parameters_csv(table: ParameterTable) -> str:
    """The parameter table of a phase, as `inspect --format csv` prints it, with safe cells."""
    columns, *rows = csv.reader(io.StringIO(as_csv(table)))
    return csv_text(columns, rows)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Formats rows as CSV; None is an empty cell.

    A cell that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_safe_cell(name) for name in columns])
    writer.writerows([_safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def _safe_cell(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    # The csv module does not quote a lone carriage return, which ends a row for some readers.
    lines = "\n".join(cell.splitlines()) if "\r" in cell else cell
    return spreadsheet_text(visible(lines))


def _scores(report: Report) -> str:
    columns = (
        *("run", "name", "plan", "checkpoint", "data", "seed", "state", "task", "metric"),
        *("value", "before_training", "judged_on", "sentences", "standard_error", "standing"),
        *("total_seconds", "peak_memory_bytes", "frozen_tensors", "frozen_identical"),
        *_SHARED,
    )
    rows = [row for label, run in report.named for row in _score_rows(label, run, report)]
    return csv_text(columns, rows)


def _score_rows(label: LabelledRun, run: ReportRun, report: Report) -> Iterator[Sequence[Cell]]:
    spec, end = run.record.spec, run.summary.finished
    for task in run.summary.tasks:
        name = task.task.name
        value = run.summary.value(name)
        split = run.summary.judged_split(name)
        sentences = run.summary.examples.get(name, {}).get(split)
        before = run.summary.score_before(name)
        is_share = task.task.kind is TaskKind.SENTENCE and value is not None and sentences
        yield (
            *(run.id, run.record.title, label.label, spec.checkpoint, spec.data, spec.seed),
            *(str(run.record.state), name, task.metric, value),
            *(before.headline if before else None, split, sentences),
            standard_error(value or 0.0, sentences or 1) if is_share else None,
            _verdict(run.id, name, report),
            end.total_seconds if end else None,
            end.peak_memory_bytes if end else None,
            end.frozen_tensors if end else None,
            _truth(end.frozen_identical if end else None),
            *(spec.trained_together, end.trained_beside if end else None),
        )


def _verdict(run: str, task: str, report: Report) -> str | None:
    """The verdict of the run's plan; None for a run that another run of its plan replaces."""
    return next(
        (
            str(plan.tasks[task].verdict)
            for plan in report.compared.every_plan
            if task in plan.tasks and any(each.run == run for each in plan.runs.values())
        ),
        None,
    )


def _plans(report: Report) -> str:
    """One row per plan and task, and per number of training sentences if that was varied.

    Plans are compared with those that have the same number of sentences.
    """
    sizes = ("training_sentences",) if report.compared.by_size else ()
    columns = (
        *("plan", "scenario", "checkpoint", *sizes, "task", "metric", "finished_seeds", "mean"),
        "standard_deviation",
        *("lowest", "highest", "before_training", "verdict", "difference_to_best"),
        *("difference_low", "difference_high", "pairs_of_seeds", "sentences", "seconds"),
        *("memory_bytes", "trainable", "parameters", "trained_share", "frozen_identical"),
        *("converged", *_SHARED),
    )
    plans = report.compared.every_plan
    return csv_text(columns, (row for plan in plans for row in _plan_rows(plan, bool(sizes))))


def _plan_rows(plan: PlanResult, sized: bool) -> Iterator[Sequence[Cell]]:
    known = plan.trainable is not None and plan.total
    for name, result in plan.tasks.items():
        values = tuple(headlines(plan, name).values())
        yield (
            *(plan.label, plan.scenario, lowest_seed_run(plan).spec.checkpoint),
            *([train_sentences(plan, result.task)] if sized else []),
            *(name, result.task.metric, result.seeds, result.mean),
            stdev(values) if len(values) > 1 else None,
            *(result.low, result.high, result.before, str(result.verdict)),
            result.against_best.effect if result.against_best else None,
            *_interval_cells(result.against_best),
            *(plan.seconds, plan.peak_memory_bytes, plan.trainable, plan.total),
            (plan.trainable or 0) / (plan.total or 1) if known else None,
            _truth(plan.frozen_exact),
            _truth(plan.converged.get(name)),
            *(plan.trained_together, plan.trained_beside),
        )


def _against_reference(shown: ComparedRuns) -> str:
    """One row per task and plan that is compared with the chosen plan."""
    rows = ((shown.reference, task, shown.against.get(task.name, {})) for task in shown.plans.tasks)
    return _against("reference", rows)


def _against_baselines(report: Report) -> str:
    """One row per baseline of the data, task and plan."""
    rows = (
        (each.label, task, each.against)
        for task in report.compared.plans.tasks
        for each in report.baselines.get(task.name, ())
    )
    return _against("baseline", rows)


def _against(title: str, rows: Iterable[tuple[str | None, Task, Mapping[str, Against]]]) -> str:
    """Comparisons of plans with what the first column, `title`, names."""
    columns = (
        *(title, "task", "metric", "plan", "verdict", "difference", "difference_low"),
        *("difference_high", "margin", "pairs_of_seeds", "sentences"),
    )
    return csv_text(
        columns,
        (
            (
                *(name, task.name, task.metric, label, str(found.verdict)),
                found.difference,
                *((each.low, each.high) if each else (None, None)),
                found.margin,
                *((each.seeds, each.sentences) if each else (None, None)),
            )
            for name, task, by_plan in rows
            for label, found in by_plan.items()
            for each in [found.interval]
        ),
    )


def _interval_cells(found: PairedDifference | None) -> tuple[Cell, ...]:
    """The bounds of a difference, its pairs of seeds and its sentences."""
    if found is None:
        return (None, None, None, None)
    return (found.low, found.high, found.seeds, found.sentences)


def _fronts(report: Report) -> str:
    """Every point of the figures of quality against cost; baselines have no cost."""
    columns = (
        *("task", "metric", "paid_with", "kind", "name", "cost", "mean", "lowest", "highest"),
        "on_front",
    )
    return csv_text(
        columns,
        (
            (
                *(point.task.name, point.task.metric, _COST_NAMES[point.cost_axis]),
                *("baseline" if point.baseline else "plan", point.label, point.cost, point.mean),
                *(point.low, point.high, _truth(None if point.baseline else point.on_front)),
            )
            for point in front_points(report.compared, report.baselines)
        ),
    )


def _movement(report: Report) -> str:
    """The movement of each group of tensors in each run; exactly 0 for a frozen group."""
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


def _other_data(found: Mapping[str, Sequence[OtherDataScores]]) -> str:
    """One row per other data set, task and plan: `difference` is `after` less `on_own_data`."""
    columns = (
        *("data", "task", "metric", "plan", "before_training", "after", "on_own_data"),
        *("difference", "difference_low", "difference_high", "pairs_of_seeds", "sentences"),
    )
    return csv_text(
        columns,
        (
            (
                *(data, each.task.name, each.task.metric, each.plan),
                *(each.metric.before, each.metric.after, each.on_own_data),
                each.metric.after - each.on_own_data,
                *_interval_cells(each.difference),
            )
            for data, scores in found.items()
            for each in scores
        ),
    )


def _truth(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _error_tables(report: Report) -> Iterator[tuple[str, str]]:
    """The tables of predictions; none if no run stored its predictions or its data cannot be read.

    If the number of training sentences was varied, they cover the largest, which is named in the
    first column.
    """
    shown = report.compared
    plans = plans_with_predictions(shown)
    data = report.sentences if plans else None
    if data is None:
        return
    dataset, gold = data
    columns = ("plan", "task", "in_data", "answered", "count", "seeds")
    yield "confusion.csv", _sized_table(shown, columns, _confusions(shown, plans, gold))
    if len(plans) > 1:
        names = [plan.label for plan in plans]
        titles = ("task", "seed", "sentence_number", "sentence", "in_data", *names)
        rows = _changed_rows(shown, plans, dataset, gold)
        yield "changed-answers.csv", _sized_table(shown, titles, rows)


def _sized_table(
    shown: ComparedRuns, columns: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> str:
    if not shown.by_size:
        return csv_text(columns, rows)
    size = shown.by_size[-1].size or "all"
    return csv_text(("training_sentences", *columns), ((size, *row) for row in rows))


def _confusions(
    shown: ComparedRuns, plans: Sequence[PlanResult], gold: GoldLabels
) -> Iterator[tuple[Cell, ...]]:
    """Every count above 0 of every plan and task, summed over seeds."""
    for plan in plans:
        for task in shown.plans.tasks:
            found = confusion(plan, task, gold)
            if found is None:
                continue
            for true, row in zip(found.labels, found.counts, strict=True):
                for predicted, count in zip(found.labels, row, strict=True):
                    if count:
                        yield plan.label, task.name, true, predicted, count, found.seeds


def _changed_rows(
    shown: ComparedRuns, plans: Sequence[PlanResult], dataset: Dataset, gold: GoldLabels
) -> Iterator[list[Cell]]:
    """One row per task, seed and sentence for which the plans' predictions differ.

    A cell is empty where a plan has no run with that seed.
    """
    for task in shown.plans.tasks:
        for seed in shown.plans.seeds:
            by_plan = _predictions(plans, seed, task, gold)
            for split, place in sorted({place for each in by_plan.values() for place in each}):
                labels = [each.get((split, place)) for each in by_plan.values()]
                if len({each for each in labels if each is not None}) > 1:
                    example = dataset.splits[split][place]
                    yield [
                        *(task.name, seed, place + 1, sentence_text(example)),
                        label_text(gold[split][task.name][place], example),
                        *(None if each is None else label_text(each, example) for each in labels),
                    ]


def _predictions(
    plans: Sequence[PlanResult], seed: int, task: Task, gold: GoldLabels
) -> Mapping[str, Mapping[tuple[str, int], Label]]:
    """The predicted labels by plan label, and by the split and the sentence's position in it."""
    found: dict[str, Mapping[tuple[str, int], Label]] = {}
    for plan in plans:
        run = plan.runs.get(seed)
        finished = run is not None and run.finished is not None
        answers = final_answers(run, task.name) if finished and run is not None else None
        labels = (predicted_labels(answers, task, gold) if answers else None) or {}
        split = answers.split if answers else ""
        found[plan.label] = {(split, place): label for place, label in labels.items()}
    return found
