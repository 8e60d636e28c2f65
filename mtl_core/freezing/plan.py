"""A freeze plan: which tensors learn, in which phases, at which learning rates.

A plan is a value. It says nothing about a particular model until `freezing.table` resolves it
against a description, and nothing about data until a run spec joins the two.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from mtl_core.values import Frozen

# strict: `true` is no number, though Python counts it as 1
Rate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False, strict=True)]

Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False, strict=True)]


MAX_PHASES = 100
GENTLE_LAYER_DECAY = 1 / 0.95  # each layer at 0.95 of the rate above it: Sun et al. 2019


class Schedule(StrEnum):
    """How the learning rate moves within each phase."""

    CONSTANT = "constant"
    LINEAR = "linear"  # warm-up over the first tenth, then down to zero
    COSINE = "cosine"  # the same warm-up, then down half a cosine wave
    SLANTED_TRIANGULAR = "slanted-triangular"  # from 1/32 steeply up, then slowly down to it


class Phase(Frozen):
    """One stretch of training in which the same tensors learn.

    `train` lists selectors; everything they do not select is frozen, and an empty list freezes
    all. `epochs` is this phase's share of the run: the run's total is divided in proportion.
    `learning_rate` replaces the plan's rates for all that learns in the phase, and
    `head_learning_rate` then speaks for the heads.
    """

    name: str = Field(min_length=1, max_length=80)
    train: tuple[str, ...]
    epochs: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False, strict=True)] = 1.0
    learning_rate: Rate | None = None
    head_learning_rate: Rate | None = None


class Plan(Frozen):
    """What learns, when, and how fast.

    `layer_decay` divides the rate once for each layer further down (2.6 in Howard & Ruder 2018,
    section 3.2). `freeze` always wins over every phase. `task_weights` scale each task's loss in
    the joint one; a task at 0 is evaluated and teaches nothing.
    """

    name: str = Field(min_length=1, max_length=120)
    phases: tuple[Phase, ...] = Field(min_length=1, max_length=MAX_PHASES)
    learning_rate: Rate = 5e-5
    head_learning_rate: Rate = 1e-3
    layer_decay: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False, strict=True)] = 1.0
    schedule: Schedule = Schedule.LINEAR
    freeze: tuple[str, ...] = ()
    task_weights: dict[str, Weight] = Field(default_factory=dict)

    @field_validator("phases")
    @classmethod
    def _names_differ(cls, phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
        names = [phase.name for phase in phases]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two phases are called '{repeated[0]}'; give each its own name")
        return phases

    def with_rates(
        self, learning_rate: float | None = None, head_learning_rate: float | None = None
    ) -> "Plan":
        """The same plan with its rates replaced, in the plan and in every phase that names its own.

        None leaves a rate as it is: heads that a phase lets learn at its own `learning_rate` keep
        it when only the encoder's is replaced.
        """
        asked = {"learning_rate": learning_rate, "head_learning_rate": head_learning_rate}
        update = {key: rate for key, rate in asked.items() if rate is not None}
        if not update:
            return self
        phases = tuple(_with_rates(phase, **asked) for phase in self.phases)
        return Plan.model_validate({**self.model_dump(), **update, "phases": phases})

    def rates_in(self, phase: Phase) -> tuple[float, float]:
        """The learning rates of a phase: (top of the backbone, heads)."""
        backbone = phase.learning_rate or self.learning_rate
        heads = phase.head_learning_rate or phase.learning_rate or self.head_learning_rate
        return backbone, heads


def gentler(plan: Plan) -> Plan:
    """The same plan with each layer at 0.95 of the rate of the layer above it.

    On twelve layers 2.6 leaves the embeddings 1/95,429 of the top's rate, 0.95 leaves them 0.54.
    A plan that is as gentle already comes back as it is.
    Source: Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?".
    """
    if plan.layer_decay <= GENTLE_LAYER_DECAY:
        return plan
    name = f"{plan.name[:100]}, 0.95 a layer"
    return plan.model_copy(update={"name": name, "layer_decay": GENTLE_LAYER_DECAY})


def _with_rates(
    phase: Phase, learning_rate: float | None, head_learning_rate: float | None
) -> Phase:
    """The phase without rates of its own that would outlive the ones asked for."""
    own = phase.learning_rate if learning_rate is None else None
    heads = phase.head_learning_rate or phase.learning_rate
    if head_learning_rate is not None:
        # where the phase keeps a rate of its own, that one would speak for the heads
        heads = None if own is None else head_learning_rate
    return phase.model_copy(update={"learning_rate": own, "head_learning_rate": heads})
