"""The arguments and options of the `claims` command."""

from typing import Annotated

import typer

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="CLAIM", help="Ids of claims.  [default: all]"),
]
HiddenClaim = Annotated[list[str] | None, typer.Option("--claim", hidden=True)]
Run = Annotated[
    bool,
    typer.Option(
        "--run", help="Train the missing runs on this machine, and test the claims on its runs."
    ),
]
Ship = Annotated[
    bool,
    typer.Option(
        "--ship", help="Train the runs that are missing from the included ones, and include them."
    ),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        metavar="REF", help="With --run: the checkpoint to test on.  [default: minilm-l6]"
    ),
]
DomainCheckpoint = Annotated[
    str | None,
    typer.Option(
        metavar="REF",
        help="With --run: the checkpoint that domain-checkpoint compares with --checkpoint.  "
        "[default: biobert]",
    ),
]
Data = Annotated[
    str | None,
    typer.Option(metavar="REF", help="With --run: the data to test on.  [default: sample]"),
]
Epochs = Annotated[
    float | None,
    typer.Option(
        help="With --run: epochs of the claims with three; those with more are scaled.  "
        "[default: 3]"
    ),
]
MaxLength = Annotated[
    int | None,
    typer.Option(help="With --run: maximum sub-word tokens per sentence.  [default: 128]"),
]
