"""Options that several commands share, and their output formats."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

CheckpointOption = Annotated[
    str,
    typer.Option(
        "--checkpoint",
        metavar="REF",
        help="A catalogue name, a local folder, a config.json, or a hub id in the local cache.",
    ),
]
ScenarioOption = Annotated[
    str | None, typer.Option("--scenario", metavar="NAME", help="A name that `scenarios` lists.")
]
PlanOption = Annotated[
    Path | None,
    typer.Option("--plan", metavar="FILE", help="A plan file; `plan` prints an example to edit."),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="REF",
        help="`sample`, `sample-posts`, `sample-small`, or the path of a manifest. Determines the "
        "heads.",
    ),
]
OutputOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Save the fine-tuned model in this folder.")
]


class ListFormat(StrEnum):
    """The output formats of commands that print a list."""

    TABLE = "table"
    JSON = "json"


class TableFormat(StrEnum):
    """The output formats of `inspect`."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    LISTING = "listing"


class ReportFormat(StrEnum):
    """The output formats of `compare`."""

    TEXT = "text"
    JSON = "json"


class EventFormat(StrEnum):
    """The output formats of `train` and `runs show`."""

    TEXT = "text"
    JSONL = "jsonl"
