"""The `export` command: writes runs as notes, figures, tables and models."""

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mtl_core.cli.compare.options import ReferenceOption
from mtl_core.cli.stored_runs import data_of, find_comparison, model_of, runs_named
from mtl_core.errors import InvalidRun
from mtl_core.export.parts import BundlePart
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore

if TYPE_CHECKING:
    from mtl_core.report.load import Report

WithDataOption = Annotated[
    bool,
    typer.Option(
        "--with-data",
        help="Include the data of the runs, so that they can be repeated elsewhere.",
    ),
]

WithWeightsOption = Annotated[
    bool,
    typer.Option(
        "--with-weights",
        help="Include the checkpoints of the runs that are folders of this machine.",
    ),
]


def export(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN", help="Ids from `runs list`. The id of a comparison means all its runs."
        ),
    ],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="A new or empty folder to write into.")
    ],
    what: Annotated[
        BundlePart,
        typer.Option(
            help="note: HTML and Markdown; figures: SVG and Plotly JSON; tables: CSV files with "
            "every point; checkpoint: the saved models; all: everything."
        ),
    ] = BundlePart.ALL,
    reference: ReferenceOption = None,
    png: Annotated[bool, typer.Option("--png", help="Write each figure as PNG too.")] = False,
    with_data: WithDataOption = False,
    with_weights: WithWeightsOption = False,
) -> None:
    """Write runs or a comparison as a note for a design document, figures, tables and models.

    repeat.sh in the folder trains the runs again, on any machine with Freeze Lab.
    """
    # Plotly takes half a second to import, and few commands need it.
    from mtl_core.export.bundle import without_checkpoint, write_folder
    from mtl_core.export.included import Included, left_out
    from mtl_core.report.load import load_report

    settings = Settings.from_environment()
    with closing(RunStore(settings.database)) as store:
        store.mark_interrupted()
        report = load_report(
            store,
            runs_named(store, runs),
            lambda spec: model_of(spec, settings),
            lambda spec, examples: data_of(spec, examples, settings),
            find_comparison(store, runs[0]) if len(runs) == 1 else None,
            reference=reference,
            folders=settings.own_folders,
        )
    _require_compared(report, reference)
    included = Included(with_data, with_weights, settings.owner_access)
    write_folder(report, what.parts, output, png=png, included=included)
    sentences = [*report.unfinished]
    if BundlePart.CHECKPOINT in what.parts:
        sentences += without_checkpoint(report)
    if what is not BundlePart.CHECKPOINT:
        sentences += left_out(report, included)
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    print(f"{report.headline}\nWritten to {output}")


def _require_compared(report: "Report", reference: str | None) -> None:
    if reference is not None and report.compared.reference is None:
        labels = ", ".join(plan.label for plan in report.compared.plans.plans)
        raise InvalidRun(
            f"--reference {reference} is not among these plans. Choose one of {labels}."
        )
