"""A freeze plan: which tensors are trained, in which phases, at which learning rates.

A plan is a value that refers to no particular model and no data. `freezing.resolve` combines it
with a model description; a run spec combines it with data.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from mtl_core.errors import InvalidPlan
from mtl_core.values import Frozen

# strict, because pydantic otherwise accepts `true` as 1
Rate = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False, strict=True)]

Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False, strict=True)]

MAX_PHASES = 100
GENTLE_LAYER_DECAY = 1 / 0.95  # each layer at 0.95 of the rate above it: Sun et al. 2019


class Schedule(StrEnum):
    """How the learning rate changes within each phase."""

    CONSTANT = "constant"
    LINEAR = "linear"  # warm-up over the first tenth, then down to zero
    COSINE = "cosine"  # the same warm-up, then down half a cosine wave
    SLANTED_TRIANGULAR = "slanted-triangular"  # from 1/32 steeply up, then slowly down to it


class Phase(Frozen):
    """One part of training, with a fixed set of trainable tensors.

    `train` lists selectors. Everything they do not select is frozen; an empty list freezes all.
    `epochs` is the phase's share of the run: the run's epochs are divided in proportion.
    `learning_rate` replaces the plan's rates for every tensor trained in the phase;
    `head_learning_rate` replaces them for the heads and takes precedence there.
    `thawed_learning_rate` is the rate of the encoder's tensors that no earlier phase trains; those
    that one trains, and heads, keep the rate of the last phase that trains them. As with other
    rates, `layer_decay` divides it. Source: finetuning-scheduler, `lr` of a phase.
    """

    name: str = Field(min_length=1, max_length=80)
    train: tuple[str, ...]
    epochs: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False, strict=True)] = 1.0
    learning_rate: Rate | None = None
    head_learning_rate: Rate | None = None
    thawed_learning_rate: Rate | None = None

    @model_validator(mode="after")
    def _check_one_encoder_rate(self) -> "Phase":
        if self.learning_rate is not None and self.thawed_learning_rate is not None:
            raise ValueError(
                "'learning_rate' is the rate of every tensor of the phase, 'thawed_learning_rate' "
                "only that of newly thawed layers; remove one of the two"
            )
        return self


class Plan(Frozen):
    """The phases of training, their learning rates and the loss weights of the tasks.

    `layer_decay` divides the rate once per layer from the top down (2.6 in Howard & Ruder 2018,
    section 3.2). Tensors that match `freeze` are frozen in every phase. `task_weights` scale each
    task's loss in the joint loss; a task with weight 0 is evaluated but contributes no gradient.
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
    def _check_unique_names(cls, phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
        names = [phase.name for phase in phases]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"two phases are called '{repeated[0]}'; phase names must be unique")
        return phases

    def phase(self, number: int) -> Phase:
        """The phase with this number, counted from 1. Raises InvalidPlan if it does not exist."""
        count = len(self.phases)
        if not 1 <= number <= count:
            known = "1 phase" if count == 1 else f"{count} phases"
            raise InvalidPlan(
                f"There is no phase {number}: '{self.name}' has {known}, numbered from 1."
            )
        return self.phases[number - 1]

    def with_rates(
        self, learning_rate: float | None = None, head_learning_rate: float | None = None
    ) -> "Plan":
        """Return the plan with its rates replaced, also in every phase that sets its own.

        None leaves a rate unchanged. In a phase with its own `learning_rate`, the heads keep that
        rate if only `learning_rate` is replaced. `thawed_learning_rate` becomes `learning_rate`.
        """
        rates = {"learning_rate": learning_rate, "head_learning_rate": head_learning_rate}
        update = {key: rate for key, rate in rates.items() if rate is not None}
        if not update:
            return self
        phases = tuple(_with_rates(phase, **rates) for phase in self.phases)
        return Plan.model_validate({**self.model_dump(), **update, "phases": phases})

    def rates_in(self, phase: Phase) -> tuple[float, float]:
        """The learning rates of a phase: (top layer of the backbone, heads).

        With `thawed_learning_rate` only tensors that the phase trains first have them.
        """
        backbone = phase.learning_rate or phase.thawed_learning_rate or self.learning_rate
        heads = phase.head_learning_rate or phase.learning_rate or self.head_learning_rate
        return backbone, heads


def with_gentle_decay(plan: Plan) -> Plan:
    """Return the plan with each layer's rate at 0.95 of the rate of the layer above.

    With twelve layers, a decay of 2.6 gives the embeddings 1/95,429 of the top layer's rate; 0.95
    gives them 0.54. A plan whose decay is no steeper is returned unchanged.
    Source: Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?".
    """
    if plan.layer_decay <= GENTLE_LAYER_DECAY:
        return plan
    name = f"{plan.name[:100]}, 0.95 per layer"
    return plan.model_copy(update={"name": name, "layer_decay": GENTLE_LAYER_DECAY})


def _with_rates(
    phase: Phase, learning_rate: float | None, head_learning_rate: float | None
) -> Phase:
    """The phase without its own rates where the given plan rates replace them."""
    own = phase.learning_rate if learning_rate is None else None
    heads = phase.head_learning_rate or phase.learning_rate
    if head_learning_rate is not None:
        # the phase's own `learning_rate` would otherwise apply to the heads as well
        heads = None if own is None else head_learning_rate
    thawed = phase.thawed_learning_rate and (learning_rate or phase.thawed_learning_rate)
    return phase.model_copy(
        update={
            "learning_rate": own,
            "head_learning_rate": heads,
            "thawed_learning_rate": thawed,
        }
    )
