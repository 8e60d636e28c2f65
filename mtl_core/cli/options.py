"""Options that several commands share, and the formats they print."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Precision(StrEnum):
    """In what a run computes."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


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
ExamplesOption = Annotated[
    list[str] | None,
    typer.Option(metavar="TASK=N", help="Train on N of a task's sentences. Repeatable."),
]
LabelNoiseOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TASK=SHARE",
        help="Give that share of a task's training sentences wrong labels. Repeatable.",
    ),
]
AlsoEvaluateOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="REF",
        help="Other data to score every task on, before and after: `sample-posts`. Repeatable.",
    ),
]
StartsFromOption = Annotated[
    str | None,
    typer.Option(metavar="RUN", help="Go on from the model that a finished run wrote."),
]
OutputOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Write the fine-tuned model here.")
]
RandomBackboneOption = Annotated[
    bool,
    typer.Option(
        "--random-backbone",
        help="Draw the encoder's weights from the seed: what pretraining is worth.",
    ),
]
DeviceOption = Annotated[
    str, typer.Option(metavar="NAME", help="cpu, cuda or mps; auto: the fastest kind here.")
]
PrecisionOption = Annotated[Precision, typer.Option(help="Of the layers that run on every step.")]
NoPrefixReuseOption = Annotated[
    bool,
    typer.Option(
        "--no-prefix-reuse",
        help="Run frozen layers on every step, not once for each sentence.",
    ),
]
NoMeasuresOption = Annotated[
    bool,
    typer.Option(
        "--no-measures",
        help="Tell no movement of layers, probes or gradients: a little faster.",
    ),
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
