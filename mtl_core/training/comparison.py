"""A comparison: one setting, several plans, several seeds; and the runs it is made of."""

from typing import Annotated

from pydantic import Field

from mtl_core.training.spec import DeviceName, PrecisionName
from mtl_core.values import Frozen


class ComparisonSpec(Frozen):
    """What to compare, on what, how long: each scenario is run with each seed.

    Everything that is not named in `scenarios` is shared by all runs, so that only the plan and
    the seed differ. `sweep` are factors on the scenario's own learning rates: where there is more
    than one, each scenario is first tried with each factor on the first seed, and goes on with
    the factor that did best, so that none loses for the wrong reason. `seconds` gives each run
    the same training time instead of the same `epochs`. `device` and `precision` are every run's.
    """

    checkpoint: str
    scenarios: Annotated[tuple[str, ...], Field(min_length=1, max_length=24)]
    seeds: Annotated[tuple[int, ...], Field(min_length=1, max_length=20)] = (0, 1, 2)
    data: str = "sample"
    epochs: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] = 3.0
    seconds: Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=512)] = 16
    max_length: Annotated[int, Field(ge=8, le=8192)] = 128
    learning_rate: Annotated[float, Field(gt=0, lt=10, allow_inf_nan=False)] | None = None
    head_learning_rate: Annotated[float, Field(gt=0, lt=10, allow_inf_nan=False)] | None = None
    sweep: Annotated[tuple[float, ...], Field(max_length=9)] = ()
    examples: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    label_noise: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    also_evaluate: tuple[str, ...] = ()
    random_backbone: bool = False
    device: DeviceName = "cpu"
    precision: PrecisionName = "float32"
