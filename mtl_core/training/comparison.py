"""A comparison: several plans and seeds under the same options, and the runs it consists of."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from mtl_core.training.options import RunOptions
from mtl_core.training.spec import RunSpec

TrainSize = int | None
"""How many training sentences of each task a run learns from; None for all there are."""

Arm = tuple[str | None, tuple[tuple[str, int], ...]]
"""What a comparison repeats over its seeds: a scenario with limits of examples by task."""


class ComparisonSpec(RunOptions):
    """What to compare: each scenario is run with each seed.

    All runs share the other fields, so only the plan and the seed differ. `sweep` are factors on
    each scenario's own learning rates. With more than one, every factor is tried on the first
    seed and the scenario keeps the factor with the highest score. `seconds` gives each run the
    same training time instead of the same `epochs`. `train_sizes` runs each scenario with each of
    these numbers of training sentences, in place of `examples`. The learning rates are None where
    each scenario keeps its own.
    """

    checkpoint: str
    scenarios: Annotated[tuple[str, ...], Field(min_length=1, max_length=24)]
    seeds: Annotated[tuple[int, ...], Field(min_length=1, max_length=20)] = (0, 1, 2)
    data: str = "sample"
    seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] | None = None
    learning_rate: Annotated[float, Field(gt=0, lt=10, allow_inf_nan=False)] | None = None
    head_learning_rate: Annotated[float, Field(gt=0, lt=10, allow_inf_nan=False)] | None = None
    sweep: Annotated[tuple[float, ...], Field(max_length=9)] = ()
    train_sizes: Annotated[tuple[Annotated[int, Field(ge=1)] | None, ...], Field(max_length=9)] = ()


def arm_of(spec: RunSpec) -> Arm:
    """What a comparison repeats over its seeds with this run."""
    return spec.scenario, tuple(sorted(spec.examples.items()))


def in_order(sizes: Iterable[TrainSize]) -> list[TrainSize]:
    """The numbers from the smallest to the largest; all there are come last."""
    return sorted(sizes, key=lambda size: (size is None, size or 0))


def sizes_among(specs: Sequence[RunSpec]) -> tuple[TrainSize, ...]:
    """The different numbers of training sentences of these runs, in order.

    Empty where there are fewer than two, or where a run is limited for some tasks alone, or by
    different numbers: these are no points of one axis.
    """
    found = set()
    for spec in specs:
        if spec.examples and (
            len(set(spec.examples.values())) > 1
            or set(spec.examples) < {task.name for task in spec.tasks}
        ):
            return ()
        found.add(train_size(spec))
    return tuple(in_order(found)) if len(found) > 1 else ()


def train_size(spec: RunSpec) -> TrainSize:
    """The number of training sentences of each task, where that is one number."""
    return next(iter(spec.examples.values()), None)
