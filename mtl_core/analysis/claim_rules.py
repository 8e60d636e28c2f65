"""The rules that test claims: which quantity is measured on which runs, and the required value.

Each rule defines an effect, a bar and a margin; larger effects support the claim. The claim holds
if the whole 95 % interval is above the bar. Otherwise it does not hold if the whole interval is
below the bar plus the margin: the effect is then negative, or too small to matter. Otherwise it is
undecided. An interval between the bar and the bar plus the margin means that the claim holds, with
the remark that its effect is smaller than the margin. All values were written before the runs
(docs/claims.md); docs/measures.md derives the intervals.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from mtl_core.values import Frozen

OWN_DATA = "own data"
"""Means the judged split of a run's own data: `test` if it has one, else `validation`."""

Margin = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]


class Arm(Frozen):
    """One arm of an experiment, with one run per seed. `scenario` is the arm's name."""

    experiment: str
    scenario: str


class Quantity(StrEnum):
    """A cost of a run."""

    SECONDS = "seconds"  # training and one pass over the frozen layers
    PEAK_MEMORY = "peak memory"


class Better(Frozen):
    """`arm` scores higher than `against`, or loses no more than is allowed.

    Effect: score of `arm` minus `keeps` times the score of `against`, paired by seed and sentence.
    Bar: minus `allowed`. `data` is OWN_DATA,
    or data that the runs were trained or evaluated on. `task` is None for the first task of the
    runs; `margin` is None for the default margin of the task. With `if_lost`, "does not hold" needs
    that `against` loses at least the margin in its run: otherwise there was nothing to prevent.
    """

    task: str | None
    arm: Arm
    against: Arm
    keeps: Share = 1.0
    allowed: Margin = 0.0
    margin: Margin | None = 0.0
    data: str = OWN_DATA
    if_lost: bool = False


class Keeps(Frozen):
    """After a run, a task has lost no more than `allowed` of its score before training.

    Effect: score after minus score before. Bar: minus `allowed`.
    """

    task: str
    arm: Arm
    allowed: Margin
    data: str = OWN_DATA


class Loses(Frozen):
    """A run lowers the score of a task.

    Effect: score before minus score after. Bar: 0.
    """

    task: str
    arm: Arm
    margin: Margin
    data: str = OWN_DATA


class KeepsMore(Frozen):
    """At an equal gain on `new_task`, a task scores higher on `data` in `arm` than in `against`.

    The gain is how much the loss on the validation sentences of the runs' own data has fallen, and
    the score is that on `data` at the same moment (`claim_equal_gain`). Effect: difference of
    these scores. Bar: 0. It is undecided if the score of `new_task` is not above its start in both
    arms at that moment. "Does not hold" needs that `against` has lost at least the margin there.
    """

    task: str
    new_task: str
    arm: Arm
    against: Arm
    data: str
    margin: Margin


class LosesMore(Frozen):
    """A change of the data lowers the score of `arm` more than that of `other`.

    Effect: (`other_changed` - `other`) - (`arm_changed` - `arm`). Bar: 0.
    """

    task: str
    arm: Arm
    arm_changed: Arm
    other: Arm
    other_changed: Arm
    margin: Margin = 0.0


class Size(Frozen):
    """Two arms that were trained on the same number of sentences per task."""

    sentences: Annotated[int, Field(ge=1)]
    arm: Arm
    against: Arm


class NeedsData(Frozen):
    """`against` is better on few sentences and `arm` on many: their curves cross.

    Effect: the number of sentences at which both score the same. The claim holds if `against` is
    better at the smallest size and `arm` at the largest. It does not hold if `arm` is better or
    equal within the margin at the smallest size, or worse or equal within it at the largest.
    """

    task: str
    sizes: Annotated[tuple[Size, ...], Field(min_length=2)]
    margin: Margin


class Sooner(Frozen):
    """`arm` reaches the share `of_end` of its own final score in fewer epochs than `against`.

    Effect: epochs of `against` minus epochs of `arm`, on validation sentences. Bar: 0.
    """

    task: str
    arm: Arm
    against: Arm
    of_end: Share = 0.98


class SpreadsMore(Frozen):
    """The scores of `arm` vary more over the seeds than those of `against`.

    Effect: ratio of the mean absolute deviations from the median over the seeds. Bar: 1.
    """

    task: str
    arm: Arm
    against: Arm


class Collapses(Frozen):
    """Many seeds of `arm` end at the level of chance, and more than of `against`.

    A run collapsed if its score is at most `level`. Effect: share of the seeds of `arm` that
    collapsed. Bar: `often`.
    """

    task: str
    arm: Arm
    against: Arm
    level: Annotated[float, Field(ge=0, lt=1)]
    often: Share = 0.2


class OneSeed(Frozen):
    """The plan that is best for a single seed is good enough.

    Each seed selects the plan with the highest validation score, or several with equal scores. It
    is right if each of them is, over all other seeds, within the margin of the best one on test
    sentences. Effect: share of seeds that are right. Bar: `at_least`, and the share of plans that
    are right, which a plan drawn at random reaches. The seeds share their sentences, so the claim
    is descriptive: it has an interval, and no p-value.
    """

    task: str
    arms: Annotated[tuple[Arm, ...], Field(min_length=2)]
    at_least: Share
    margin: Margin


class NoSteps(Frozen):
    """Nothing is trained: no step, no gradient. Effect: the number of steps; it must be 0."""

    arm: Arm


class Unchanged(Frozen):
    """No prediction changes. Effect: the number of changed predictions; it must be 0."""

    arm: Arm


class Still(Frozen):
    """Frozen weights do not change: the embeddings and all layers but the top `trained` ones.

    Effect: minus the largest distance of one of them from its initial weights; it must be 0.
    """

    arm: Arm
    trained: Annotated[int, Field(ge=1)]


class UpperChangesMore(Frozen):
    """The outputs of the upper half of the layers change more than those of the lower half.

    Change: 1 - CKA of a layer's outputs before and after training. Effect: mean change of the upper
    half divided by that of the lower half, geometric mean over seeds. Bar: 1.
    """

    arm: Arm


class UpperProbesChangeMore(Frozen):
    """Training changes what the upper half of the layers encodes of a task more than the lower.

    Change: score of a linear probe on a layer's outputs, after minus before training, or for
    `loses` before minus after. Effect: mean change of the upper half minus that of the lower half.
    Bar: 0. The seeds share their sentences, and a layer inherits the changes of those below it, so
    the claim is descriptive: it has an interval, and no p-value.
    """

    task: str
    arm: Arm
    margin: Margin
    loses: bool = False


class Cheaper(Frozen):
    """`arm` needs less of a quantity than `against`, by a factor of at least `times`.

    Effect: quantity of `against` divided by that of `arm`, geometric mean over seeds. Bar: `times`.
    """

    quantity: Quantity
    arm: Arm
    against: Arm
    times: Annotated[float, Field(ge=1)] = 1.0


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


ScoreRule = Better | Keeps | Loses | KeepsMore | LosesMore | NeedsData
"""The rules that compare scores of test sentences."""

Rule = (
    ScoreRule
    | Sooner
    | SpreadsMore
    | Collapses
    | OneSeed
    | NoSteps
    | Unchanged
    | Still
    | UpperChangesMore
    | UpperProbesChangeMore
    | Cheaper
    | KeptBytes
)


def arms_of(rule: Rule) -> tuple[Arm, ...]:
    """The arms whose runs the rule reads, in the order of its fields."""
    match rule:
        case LosesMore():
            return (rule.arm, rule.arm_changed, rule.other, rule.other_changed)
        case OneSeed():
            return rule.arms
        case NeedsData():
            return tuple(arm for size in rule.sizes for arm in (size.arm, size.against))
        case KeptBytes():
            return ()
        case Better() | KeepsMore() | Sooner() | SpreadsMore() | Collapses() | Cheaper():
            return (rule.arm, rule.against)
        case _:
            return (rule.arm,)
