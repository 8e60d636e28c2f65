"""Options that several commands share, and the formats they print."""

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
    str | None, typer.Option("--scenario", metavar="NAME", help="One of `scenarios`.")
]
PlanOption = Annotated[
    Path | None,
    typer.Option("--plan", metavar="FILE", help="A plan file; `plan` prints one to edit."),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="REF",
        help="`sample`, `sample-posts`, or a manifest's path: decides the heads.",
    ),
]
OutputOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Write the fine-tuned model here.")
]


class ListFormat(StrEnum):
    """How a list is printed."""

    TABLE = "table"
    JSON = "json"


class TableFormat(StrEnum):
    """How `inspect` prints the parameter table."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    LISTING = "listing"


class ReportFormat(StrEnum):
    """How `compare` tells its result."""

    TEXT = "text"
    JSON = "json"


class EventFormat(StrEnum):
    """How `train` tells what happens."""

    TEXT = "text"
    JSONL = "jsonl"
