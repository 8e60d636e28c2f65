"""The rules that test claims: which quantity is measured on which runs, and the required value.

Each rule defines an effect and a bar; larger effects support the claim. The claim holds if the
whole 95 % interval lies above the bar. It does not hold if the whole interval lies below.
Otherwise the difference is within noise.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from mtl_core.values import Frozen

VALIDATION = "validation"
"""Means the judged split of a run's own data, which is `test` if there is one."""


class Arm(Frozen):
    """One scenario of an experiment, with one run per seed."""

    experiment: str
    scenario: str


class Quantity(StrEnum):
    """A cost of a run."""

    SECONDS = "seconds"  # training and one pass over the frozen layers
    PEAK_MEMORY = "peak memory"


class Better(Frozen):
    """`arm` scores higher than `against` on a task, or reaches the share `keeps` of its score.

    Effect: score of `arm` minus score of `against`, paired by seed. Bar: 0, or minus the allowed
    loss. `data` is VALIDATION for the runs' own data, or another dataset on which the runs were
    evaluated.
    """

    task: str
    arm: Arm
    against: Arm
    keeps: Annotated[float, Field(gt=0, le=1)] = 1.0
    data: str = VALIDATION


class Keeps(Frozen):
    """After a run, a task keeps at least the share `keeps` of its score before training.

    Effect: score after minus score before. Bar: minus the allowed loss.
    """

    task: str
    arm: Arm
    keeps: Annotated[float, Field(gt=0, le=1)] = 0.9


class Carries(Frozen):
    """A model scores lower on `data` than on the judged split of its own data.

    Effect: score on its own data minus score on `data`. Bar: 0.
    """

    task: str
    arm: Arm
    data: str


class Cheaper(Frozen):
    """`arm` needs less of a quantity than `against`, by a factor of at least `times`.

    Effect: quantity of `against` divided by that of `arm`, geometric mean over seeds. Bar: `times`.
    """

    quantity: Quantity
    arm: Arm
    against: Arm
    times: Annotated[float, Field(ge=1)] = 1.0


class LosesMore(Frozen):
    """A change of the data lowers the score of `arm` more than that of `other`.

    Effect: (`other_changed` - `other`) - (`arm_changed` - `arm`). Bar: 0.
    """

    task: str
    arm: Arm
    arm_changed: Arm
    other: Arm
    other_changed: Arm


class Still(Frozen):
    """Frozen weights do not change: the distance is exactly 0 in every group of `groups`.

    Effect: minus the largest distance of a group from its initial weights.
    """

    arm: Arm
    groups: tuple[str, ...]


class LowerMovesLess(Frozen):
    """The lower half of the layers changes less than the upper half.

    Effect: mean distance of the upper half divided by that of the lower half, geometric mean over
    seeds. Bar: 1.
    """

    arm: Arm


class OneSeed(Frozen):
    """Every single seed selects the plan that is best on average over all seeds.

    Effect: the share of seeds whose best plan is the best on average. There is no interval: the
    claim holds if the share is 1.
    """

    task: str
    arms: Annotated[tuple[Arm, ...], Field(min_length=2)]


class KeptBytes(Frozen):
    """`scenario` holds less memory during a step than `against`, by a factor of `times`.

    Effect: bytes held in addition to the weights (activations, gradients, moments) under
    `against`, divided by those under `scenario`. It is counted, so it is exact. Bar: `times`.
    """

    checkpoint: str
    scenario: str
    against: str
    times: Annotated[float, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)] = 16
    max_length: Annotated[int, Field(ge=8)] = 128


Rule = Better | Keeps | Carries | Cheaper | LosesMore | Still | LowerMovesLess | OneSeed | KeptBytes


def arms_of(rule: Rule) -> tuple[Arm, ...]:
    """The arms whose runs the rule reads, in the order of its fields."""
    match rule:
        case Better() | Cheaper():
            return (rule.arm, rule.against)
        case Keeps() | Carries() | Still() | LowerMovesLess():
            return (rule.arm,)
        case LosesMore():
            return (rule.arm, rule.arm_changed, rule.other, rule.other_changed)
        case OneSeed():
            return rule.arms
        case KeptBytes():
            return ()
