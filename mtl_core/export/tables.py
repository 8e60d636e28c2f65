"""The tables of a bundle as CSV: every point of every run, with all its digits.

A cell that a spreadsheet would take for a formula gets an apostrophe before it.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from mtl_core.analysis.comparison import ComparedRun
from mtl_core.analysis.differences import spec_differences
from mtl_core.export.material import ExportedRun, Material
from mtl_core.freezing.table import ParameterTable
from mtl_core.freezing.writing import as_csv
from mtl_core.training.events import Evaluation, Step

Cell = str | int | float | None
_FORMULA = ("=", "+", "-", "@", "\t", "\n")


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Rows under their titles; None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_guarded(name) for name in columns])
    writer.writerows([_guarded(cell) for cell in row] for row in rows)
    return text.getvalue()


def tables_of(material: Material) -> Iterator[tuple[str, str]]:
    """Name and content of each CSV file."""
    yield "scores.csv", _scores(material)
    yield "losses.csv", _losses(material)
    yield "learning-rates.csv", _rates(material)
    yield "evaluations.csv", _evaluations(material)
    if len(material.runs) > 1:
        yield "differences.csv", _differences(material)
    for run in material.runs:
        for table in run.tables:
            phase = f"-phase-{table.phase_number}" if len(run.tables) > 1 else ""
            yield f"parameters-{run.id}{phase}.csv", parameters_csv(table)


def parameters_csv(table: ParameterTable) -> str:
    """The parameter table of one phase, as `inspect --format csv` prints it, formulas disarmed."""
    columns, *rows = csv.reader(io.StringIO(as_csv(table)))
    return csv_text(columns, rows)


def _scores(material: Material) -> str:
    columns = (
        *("run", "name", "plan", "checkpoint", "data", "seed", "state", "task", "metric"),
        *("value", "before_training", "validation_sentences", "standard_error", "standing"),
        *("total_seconds", "peak_memory_bytes", "frozen_tensors", "frozen_identical"),
    )
    rows = [row for label, run in material.named for row in _score_rows(label, run)]
    return csv_text(columns, rows)


def _score_rows(label: ComparedRun, run: ExportedRun) -> Iterator[Sequence[Cell]]:
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
            str(end.frozen_identical).lower() if end else None,
        )


def _losses(material: Material) -> str:
    columns = ("run", "phase", "step", "epoch", "elapsed_seconds", "task", "loss")
    return csv_text(
        columns,
        (
            (run.id, event.phase, event.step, event.epoch, event.elapsed_seconds, task, loss)
            for run, event in _steps(material)
            for task, loss in event.loss.items()
        ),
    )


def _rates(material: Material) -> str:
    return csv_text(
        ("run", "phase", "step", "epoch", "group", "learning_rate"),
        (
            (run.id, event.phase, event.step, event.epoch, group, rate)
            for run, event in _steps(material)
            for group, rate in event.learning_rates.items()
        ),
    )


def _steps(material: Material) -> Iterator[tuple[ExportedRun, Step]]:
    for run in material.runs:
        for event in run.events:
            if isinstance(event, Step):
                yield run, event


def _evaluations(material: Material) -> str:
    columns = ("run", "phase", "step", "epoch", "elapsed_seconds", "split", "task", "metric")
    return csv_text(
        (*columns, "value"),
        (
            (
                *(run.id, event.phase, event.step, event.epoch, event.elapsed_seconds),
                *(event.split, task, metric, value),
            )
            for run in material.runs
            for event in run.events
            if isinstance(event, Evaluation)
            for task, score in event.tasks.items()
            for metric, value in score.model_dump().items()
        ),
    )


def _differences(material: Material) -> str:
    found = spec_differences([run.summary.spec for run in material.runs])
    columns = ("key", *(run.id for run in material.runs))
    return csv_text(columns, ((each.key, *each.values) for each in found))


def _guarded(cell: Cell) -> Cell:
    if not isinstance(cell, str):
        return cell
    lines = "\n".join(cell.splitlines()) if "\r" in cell else cell  # unquoted, it ends a row
    return f"'{lines}" if lines.startswith(_FORMULA) else lines
