"""Options of `compare`: lists written with commas, and what all its runs share."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from mtl_core.cli.run_options import examples_by_task
from mtl_core.errors import InvalidRun

_Value = TypeVar("_Value", int, float)
_ALL = "all"

ScenariosOption = Annotated[
    str | None,
    typer.Option("--scenarios", metavar="A,B,C", help="What to compare: some of `scenarios`."),
]
SeedsOption = Annotated[
    str, typer.Option("--seeds", metavar="1,2,3", help="Each scenario is run with each seed.")
]
RateOption = Annotated[float | None, typer.Option(help="Of the encoder; else each scenario's own.")]
HeadRateOption = Annotated[
    float | None, typer.Option(help="Of the heads; else each scenario's own.")
]
SweepOption = Annotated[
    str,
    typer.Option(
        metavar="0.3,1,3",
        help="Try these factors on each scenario's learning rates with the first seed, and go on "
        "with the one of the highest mean score.",
    ),
]
ExamplesOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="N,N,…|TASK=N",
        help="Run each scenario with each of these numbers of training sentences a task, `all` "
        "for all there are, e.g. 50,100,all. TASK=N limits one task, and is repeatable.",
    ),
]
SecondsOption = Annotated[
    float | None,
    typer.Option(
        help="Train each run about this long instead of --epochs; the time of an epoch is that of "
        "an earlier run alike, or is measured first."
    ),
]
ResumeOption = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="ID",
        help="Go on with a comparison that was stopped; finished runs are kept.",
    ),
]
NameOption = Annotated[str | None, typer.Option(help="What to call the comparison.")]
OutputOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write note, figures, tables and models here at the end."),
]


def seeds_of(text: str) -> tuple[int, ...]:
    """Seeds written with commas. Raises InvalidRun for what is no whole number."""
    return _listed(text, int, "--seeds", "whole numbers with commas, e.g. --seeds 1,2,3")


def factors_of(text: str) -> tuple[float, ...]:
    """Factors written with commas. Raises InvalidRun for what is no number above 0."""
    example = "numbers above 0 with commas, e.g. --sweep 0.3,1,3"
    factors = _listed(text, float, "--sweep", example)
    if not all(0 < factor < float("inf") for factor in factors):
        raise InvalidRun(f"--sweep {text}: write {example}.")
    return factors


def examples_of(given: list[str]) -> dict[str, object]:
    """Numbers of training sentences as a comparison names them: those of single tasks, and those
    that each scenario is run with. Raises InvalidRun for what is neither."""
    by_task = [each for each in given if "=" in each]
    sizes = [name for each in given if each not in by_task for name in names_of(each)]
    for size in sizes:
        if size != _ALL and (not size.isdecimal() or int(size) < 1):
            raise InvalidRun(
                f"--examples {size}: write numbers from 1 with commas, e.g. --examples 50,100,all, "
                "or TASK=N for one task, e.g. --examples ner=50."
            )
    train_sizes = tuple(None if size == _ALL else int(size) for size in sizes)
    return {"examples": examples_by_task(by_task), "train_sizes": train_sizes}


def names_of(text: str) -> tuple[str, ...]:
    """Names written with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _listed(
    text: str, kind: Callable[[str], _Value], option: str, example: str
) -> tuple[_Value, ...]:
    try:
        return tuple(kind(each) for each in names_of(text))
    except ValueError:
        raise InvalidRun(f"{option} {text}: write {example}.") from None
