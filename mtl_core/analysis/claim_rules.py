"""The rules by which a claim is tested: what is measured on which runs, and what must come out.

Each rule gives one effect, turned so that more speaks for the claim, and a bar that it has to
pass: the claim holds where the whole 95 % interval lies above the bar, it does not hold where the
whole interval lies below, and otherwise the difference is within noise.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from mtl_core.values import Frozen

VALIDATION = "validation"


class Arm(Frozen):
    """One plan in one experiment: its runs, one for each seed."""

    experiment: str
    scenario: str


class Quantity(StrEnum):
    """What a run costs."""

    SECONDS = "seconds"  # of training and, once a run, the pass over frozen layers
    PEAK_MEMORY = "peak memory"


class Better(Frozen):
    """`arm` scores higher than `against` on a task, or keeps at least the share `keeps` of it.

    Effect: score of `arm` less score of `against`, paired by seed. Bar: 0, or minus what may be
    lost. `data` is the validation split, or other data that the runs were scored on too.
    """

    task: str
    arm: Arm
    against: Arm
    keeps: Annotated[float, Field(gt=0, le=1)] = 1.0
    data: str = VALIDATION


class Keeps(Frozen):
    """A run leaves a task at least the share `keeps` of the score that it began with.

    Effect: score after less score before. Bar: minus what may be lost.
    """

    task: str
    arm: Arm
    keeps: Annotated[float, Field(gt=0, le=1)] = 0.9


class Carries(Frozen):
    """A model scores lower on `data` than on the validation split it was trained beside.

    Effect: score on validation less score on `data`. Bar: 0.
    """

    task: str
    arm: Arm
    data: str


class Cheaper(Frozen):
    """`arm` takes less of a quantity than `against`, at least `times` less.

    Effect: quantity of `against` over that of `arm`, the geometric mean over seeds. Bar: `times`.
    """

    quantity: Quantity
    arm: Arm
    against: Arm
    times: Annotated[float, Field(ge=1)] = 1.0


class LosesMore(Frozen):
    """A change of circumstances costs `arm` more than `other`.

    Effect: (`other` changed less `other`) less (`arm` changed less `arm`). Bar: 0.
    """

    task: str
    arm: Arm
    arm_changed: Arm
    other: Arm
    other_changed: Arm


class Still(Frozen):
    """What is frozen does not move: exactly 0 in every group that never learns.

    Effect: minus the largest distance that a group named in `groups` moved.
    """

    arm: Arm
    groups: tuple[str, ...]


class LowerMovesLess(Frozen):
    """The lower half of the layers moves less than the upper half.

    Effect: mean distance of the upper half over that of the lower half, the geometric mean over
    seeds. Bar: 1.
    """

    arm: Arm


class OneSeed(Frozen):
    """One seed chooses the plan that all seeds together choose, whichever seed it is.

    Effect: the share of seeds whose best plan is the best on average. It has no interval: the
    claim holds where the share is 1.
    """

    task: str
    arms: Annotated[tuple[Arm, ...], Field(min_length=2)]


class KeptBytes(Frozen):
    """A plan's memory falls as its parameters do: at least `times` below that of `against`.

    Effect: bytes that a training step keeps on top of the weights (activations, gradients,
    moments) under `against`, over those under `scenario`; counted, so exact. Bar: `times`.
    """

    checkpoint: str
    scenario: str
    against: str
    times: Annotated[float, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)] = 16
    max_length: Annotated[int, Field(ge=8)] = 128


Rule = Better | Keeps | Carries | Cheaper | LosesMore | Still | LowerMovesLess | OneSeed | KeptBytes


def arms_of(rule: Rule) -> tuple[Arm, ...]:
    """The arms whose runs the rule reads, in the order in which the claim names them."""
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
