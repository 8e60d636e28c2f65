"""A comparison: several plans and seeds under the same options, and the runs it consists of."""

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from mtl_core.training.options import Option, RunOptions
from mtl_core.training.spec import RunSpec

TrainSize = int | None
"""Number of training sentences per task; None for all."""

ArmKey = tuple[str | None, tuple[tuple[str, int], ...]]
"""Identifies an arm of a comparison: a scenario and limits of examples by task."""


SEPARATE_RUNS_HELP = (
    "Train each run alone. By default runs that train only heads are trained together, with "
    "losses equal within 1e-6."
)


MARGIN_HELP = (
    "Plans are equivalent if their difference is shown to be smaller than this. Default: 0.03 of "
    "accuracy, 0.05 of entity F1."
)
MOST_SEEDS = 20

DECIDING_SEEDS = 10
"""Seeds that are added to a comparison with this number change no verdict."""


class ComparisonSpec(RunOptions):
    """What to compare: each scenario is run with each seed.

    All runs share the other fields, so only the plan and the seed differ. `sweep` are factors on
    each scenario's own learning rates. With more than one, every factor is tried on the first
    seed and the scenario keeps the factor with the highest score. `seconds` gives each run the
    same training time instead of the same `epochs`. `train_sizes` runs each scenario with each of
    these numbers of training sentences, in place of `examples`. The learning rates are None where
    each scenario keeps its own. `separate_runs` trains each run alone, also those that could be
    trained together; see `training.together`. `margin` is the difference up to which plans count
    as equivalent, None for the default of each metric (`analysis.outcomes`). `looks` counts the
    seeds before each time that seeds were added.
    """

    checkpoint: str
    scenarios: Annotated[tuple[str, ...], Field(min_length=1, max_length=24)]
    seeds: Annotated[tuple[int, ...], Field(min_length=1, max_length=MOST_SEEDS)] = (0, 1, 2)
    data: str = "sample"
    seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] | None = None
    learning_rate: Annotated[float, Field(gt=0, lt=10, allow_inf_nan=False)] | None = None
    head_learning_rate: Annotated[float, Field(gt=0, lt=10, allow_inf_nan=False)] | None = None
    sweep: Annotated[tuple[float, ...], Field(max_length=9)] = ()
    train_sizes: Annotated[tuple[Annotated[int, Field(ge=1)] | None, ...], Field(max_length=9)] = ()
    separate_runs: Annotated[bool, Option(SEPARATE_RUNS_HELP)] = False

    looks: tuple[int, ...] = ()
    margin: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)] | None = None

    @property
    def seeds_at_looks(self) -> tuple[tuple[int, ...], ...]:
        """The seeds at each earlier look at the results."""
        return tuple(self.seeds[:count] for count in self.looks)

    @property
    def run_count(self) -> int:
        """The number of runs, including those of a learning rate sweep with the first seed."""
        arms = len(self.scenarios) * max(1, len(self.train_sizes))
        return arms * (len(self.seeds) + max(0, len(self.sweep) - 1))


def arm_key(spec: RunSpec) -> ArmKey:
    """Return the key of the arm that a run belongs to."""
    return spec.scenario, tuple(sorted(spec.examples.items()))


def sorted_sizes(sizes: Iterable[TrainSize]) -> list[TrainSize]:
    """Sort numbers of training sentences; None (all) comes last."""
    return sorted(sizes, key=lambda size: (size is None, size or 0))


def common_train_sizes(specs: Sequence[RunSpec]) -> tuple[TrainSize, ...]:
    """Return the distinct numbers of training sentences of these runs, sorted.

    Empty if there are fewer than two, or if a run has different numbers for its tasks, because
    they are then not points on one axis.
    """
    found = set()
    for spec in specs:
        if spec.examples and (
            len(set(spec.examples.values())) > 1
            or set(spec.examples) < {task.name for task in spec.tasks}
        ):
            return ()
        found.add(train_size(spec))
    return tuple(sorted_sizes(found)) if len(found) > 1 else ()


def train_size(spec: RunSpec) -> TrainSize:
    """Return the run's number of training sentences per task; None for all."""
    return next(iter(spec.examples.values()), None)
