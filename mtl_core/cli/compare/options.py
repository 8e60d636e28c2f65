"""Options of `compare`, with the parsers of comma-separated lists."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from mtl_core.cli.run_options import examples_by_task
from mtl_core.errors import InvalidRun
from mtl_core.training.comparison import MARGIN_HELP, SEPARATE_RUNS_HELP

_Value = TypeVar("_Value", int, float)
_ALL = "all"

ScenariosOption = Annotated[
    str | None,
    typer.Option(
        "--scenarios",
        metavar="A,B,C",
        help="The scenarios to compare; `scenarios` lists all names.",
    ),
]
PlansOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--plan",
        metavar="FILE",
        help="A plan file to compare; `plan` prints an example to edit. Repeatable.",
    ),
]
ArmsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--arm",
        metavar="SCENARIO|FILE,KEY=VALUE,…",
        help="A scenario or a plan file with settings of its own, e.g. "
        "top-1,learning-rate=1e-3,name=top-1-fast. Keys: name, checkpoint, learning-rate, "
        "head-learning-rate, task-weight:TASK, and options of a run such as epochs, "
        "sentence-vector, starts-from or examples:TASK. Repeatable.",
    ),
]
SeedsOption = Annotated[
    str | None,
    typer.Option(
        "--seeds",
        metavar="1,2,3",
        help="Seeds; each plan is trained with each of them. With --resume: seeds to add; "
        "each look at the results uses part of the error rate. Default: 0,1,2.",
    ),
]
RateOption = Annotated[
    float | None, typer.Option(help="Learning rate of the encoder; overrides each plan's own.")
]
HeadRateOption = Annotated[
    float | None, typer.Option(help="Learning rate of the heads; overrides each plan's own.")
]
SweepOption = Annotated[
    str,
    typer.Option(
        metavar="0.3,1,3",
        help="Learning rate sweep: multiply each plan's rates by these factors with the first "
        "seed, then use the factor with the highest mean validation score for all seeds.",
    ),
]
ExamplesOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="N,N,…|TASK=N",
        help="Train each plan with each of these numbers of sentences per task, e.g. "
        "50,100,all. TASK=N limits the sentences of one task instead. Repeatable.",
    ),
]
SecondsOption = Annotated[
    float | None,
    typer.Option(
        help="Train each run for about this many seconds instead of --epochs. The time of an epoch "
        "is taken from a similar earlier run or measured first."
    ),
]
SeparateRunsOption = Annotated[
    bool,
    typer.Option(
        "--separate-runs",
        help=SEPARATE_RUNS_HELP,
    ),
]
ReferenceOption = Annotated[
    str | None,
    typer.Option(
        metavar="ARM",
        help="Also compare every plan with this one, by its name: above, below, equivalent or "
        "undecided.",
    ),
]
MarginOption = Annotated[float | None, typer.Option(help=MARGIN_HELP)]
ResumeOption = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="ID",
        help="Resume a stopped comparison, or add --seeds to a finished one. Finished runs are not "
        "repeated, and all settings are those of the comparison.",
    ),
]
NameOption = Annotated[str | None, typer.Option(help="Name of the comparison.")]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Write note, figures, tables and models into this folder at the end."
    ),
]


def seeds_of(text: str) -> tuple[int, ...]:
    """Parse comma-separated seeds. Raises InvalidRun unless they are whole numbers."""
    return _parse_list(text, int, "--seeds", "comma-separated whole numbers, e.g. --seeds 1,2,3")


def factors_of(text: str) -> tuple[float, ...]:
    """Parse comma-separated factors. Raises InvalidRun unless they are numbers above 0."""
    example = "comma-separated numbers above 0, e.g. --sweep 0.3,1,3"
    factors = _parse_list(text, float, "--sweep", example)
    if not all(0 < factor < float("inf") for factor in factors):
        raise InvalidRun(f"--sweep {text}: write {example}.")
    return factors


def examples_of(values: list[str]) -> dict[str, object]:
    """Parse `--examples` into `examples`, the limits by task, and `train_sizes`, the numbers of
    sentences that each plan is trained with (None: all). Raises InvalidRun."""
    by_task = [each for each in values if "=" in each]
    sizes = [name for each in values if each not in by_task for name in names_of(each)]
    for size in sizes:
        if size != _ALL and (not size.isdecimal() or int(size) < 1):
            raise InvalidRun(
                f"--examples {size}: write comma-separated numbers from 1, e.g. --examples "
                "50,100,all, or TASK=N for one task, e.g. --examples ner=50."
            )
    train_sizes = tuple(None if size == _ALL else int(size) for size in sizes)
    return {"examples": examples_by_task(by_task), "train_sizes": train_sizes}


def names_of(text: str) -> tuple[str, ...]:
    """Split comma-separated names."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _parse_list(
    text: str, parse: Callable[[str], _Value], option: str, example: str
) -> tuple[_Value, ...]:
    try:
        return tuple(parse(each) for each in names_of(text))
    except ValueError:
        raise InvalidRun(f"{option} {text}: write {example}.") from None
