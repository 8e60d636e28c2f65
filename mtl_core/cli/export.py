"""The `export` command: runs as files to take along."""

import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from mtl_core.cli.choosing import describe_here
from mtl_core.cli.runs import comparison_called
from mtl_core.errors import CheckpointError, DataError, PlanError
from mtl_core.export.what import What
from mtl_core.models.cache import description_of
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.settings import Settings
from mtl_core.store.record import ComparisonRecord
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import Dataset
from mtl_core.training.spec import RunSpec


def export(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN", help="Ids of `runs list`; a comparison's stands for its runs."
        ),
    ],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="A new folder, or an empty one, to write into.")
    ],
    what: Annotated[
        What,
        typer.Option(
            help="note: HTML and Markdown; figures: SVG and Plotly's JSON; tables: CSV of every "
            "point; checkpoint: the trained models; all of it."
        ),
    ] = What.ALL,
) -> None:
    """Write runs, or a comparison, as a note for a design doc, figures, tables and models."""
    # Plotly takes half a second, and no other command needs it.
    from mtl_core.export.bundle import without_checkpoint, write_folder
    from mtl_core.report.load import load_report

    settings = Settings.from_environment()
    with closing(RunStore(settings.database)) as store:
        store.mark_interrupted()
        records = [comparison_called(store, name) for name in runs]
        ids = [
            run
            for name, record in zip(runs, records, strict=True)
            for run in (_runs_of(record) if record else [name])
        ]
        report = load_report(
            store,
            ids,
            lambda spec: model_of(spec, settings),
            lambda spec, examples: data_of(spec, examples, settings),
            records[0] if len(records) == 1 else None,
        )
    write_folder(report, what.parts, output)
    for sentence in report.unfinished:
        print(sentence, file=sys.stderr)
    if What.CHECKPOINT in what.parts:
        for sentence in without_checkpoint(report):
            print(sentence, file=sys.stderr)
    print(f"{report.headline}\nWritten to {output}")


def _runs_of(record: ComparisonRecord) -> list[str]:
    return [run.id for run in record.runs]


def model_of(spec: RunSpec, settings: Settings) -> ModelDescription | None:
    """The run's model, if its checkpoint is still here."""
    try:
        backbone = description_of(resolve_checkpoint(spec.checkpoint), settings, describe_here)
        return ModelDescription(backbone, spec.tasks)
    except (CheckpointError, PlanError):
        return None


def data_of(spec: RunSpec, examples: Mapping[str, int], settings: Settings) -> Dataset | None:
    """The run's data, if they are still here and what it learned from."""
    from mtl_core.report.load import sentences_of

    try:
        return sentences_of(spec, examples, settings.uploads)
    except DataError:
        return None
