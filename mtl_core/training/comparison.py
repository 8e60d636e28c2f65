"""A comparison: several arms and seeds, and the options that its runs share."""

from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from mtl_core.training.arm import ComparisonArm, clean_name, plain_arm
from mtl_core.training.options import Option, RunOptions, option_values
from mtl_core.training.spec import RunSpec

TrainSize = int | None
"""Number of training sentences per task; None for all."""

ArmKey = tuple[str, tuple[tuple[str, int], ...]]
"""Identifies the runs of an arm with the same limits of examples by task."""


SEPARATE_RUNS_HELP = (
    "Train each run alone. By default runs that train only heads are trained together, with "
    "losses equal within 1e-6."
)


MARGIN_HELP = (
    "Plans are equivalent if their difference is shown to be smaller than this. Default: 0.03 of "
    "accuracy, 0.05 of entity F1."
)
MOST_ARMS = 24
MOST_SEEDS = 20

DECIDING_SEEDS = 10
"""Seeds that are added to a comparison with this number change no verdict."""


class ComparisonSpec(RunOptions):
    """What to compare: each arm is run with each seed.

    All runs share the other fields, except where an arm has its own value. A dictionary may have
    `scenarios`, a list of names, in place of `arms` or before them: each name is an arm. A spec
    whose arms are all such names is stored with `scenarios`, as in earlier versions.

    `sweep` are factors on each arm's own learning rates. With more than one, every factor is tried
    on the first seed and the arm keeps the factor with the highest score. `seconds` gives each run
    the same training time instead of the same `epochs`. `train_sizes` runs each arm with each of
    these numbers of training sentences, in place of `examples`. The learning rates are None where
    each plan keeps its own. `separate_runs` trains each run alone, also those that could be
    trained together; see `training.together`. `margin` is the difference up to which plans count
    as equivalent, None for the default of each metric (`analysis.outcomes`). `looks` counts the
    seeds before each time that seeds were added.
    """

    checkpoint: str
    arms: Annotated[tuple[ComparisonArm, ...], Field(min_length=1, max_length=MOST_ARMS)]
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

    @model_validator(mode="before")
    @classmethod
    def _read_scenarios(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "scenarios" not in values:
            return values
        others = {name: value for name, value in values.items() if name != "scenarios"}
        arms = [
            {"name": clean_name(name) if isinstance(name, str) else name, "scenario": name}
            for name in values["scenarios"]
        ]
        return {**others, "arms": (*arms, *others.get("arms", ()))}

    @model_serializer(mode="wrap")
    def _write_scenarios(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = write(self)
        if "arms" in values and all(arm.is_plain for arm in self.arms):
            del values["arms"]
            values["scenarios"] = tuple(arm.scenario for arm in self.arms)
        return values

    @property
    def arm_names(self) -> tuple[str, ...]:
        """The names of the arms, in order."""
        return tuple(arm.name for arm in self.arms)

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The distinct checkpoints of the arms, in order."""
        return tuple(dict.fromkeys(map(self.checkpoint_of, self.arms)))

    def checkpoint_of(self, arm: ComparisonArm) -> str:
        """The checkpoint of an arm: its own, or the one that arms share."""
        return arm.checkpoint or self.checkpoint

    def options_of(self, arm: ComparisonArm) -> dict[str, Any]:
        """The options of an arm's runs by field name: its own, or those that arms share."""
        return {**option_values(self, RunOptions), **arm.options}

    def names_start_of(self, run: RunSpec) -> bool:
        """Whether the run starts where this spec requires.

        Each seed may start from a run of its own, which the spec does not name.
        """
        starts = {arm.name: self.options_of(arm)["starts_from"] for arm in self.arms}
        return run.starts_from == starts.get(run.arm_name)

    def with_arms(self, names: Collection[str]) -> "ComparisonSpec":
        """The spec with only the arms that have one of these names, in their order."""
        kept = tuple(arm for arm in self.arms if arm.name in names)
        return self.model_copy(update={"arms": kept})

    @property
    def seeds_at_looks(self) -> tuple[tuple[int, ...], ...]:
        """The seeds at each earlier look at the results."""
        return tuple(self.seeds[:count] for count in self.looks)

    @property
    def run_count(self) -> int:
        """The number of runs, including those of a learning rate sweep with the first seed."""
        arms = len(self.arms) * max(1, len(self.train_sizes))
        return arms * (len(self.seeds) + max(0, len(self.sweep) - 1))


def arm_key(spec: RunSpec) -> ArmKey:
    """Return the key of the arm and the limits of examples of a run."""
    return spec.arm_name, tuple(sorted(spec.examples.items()))


def plain_arms(scenarios: Iterable[str]) -> tuple[ComparisonArm, ...]:
    """Return an arm for each scenario, with the options that the comparison's arms share."""
    return tuple(plain_arm(name) for name in scenarios)


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
