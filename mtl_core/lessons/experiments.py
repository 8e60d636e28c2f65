"""The experiments that test the claims: comparisons, some of which go on from others' runs.

Small enough that all of them together take well under an hour on two cores: three epochs, five
seeds, and claims share what they can.
"""

from collections.abc import Mapping

from mtl_core.analysis.claim_rules import Arm
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.values import Frozen

CHECKPOINT = "minilm-l6"
POSTS = "sample-posts"


class Experiment(Frozen):
    """A comparison, and what it stands on.

    `title` says what it compares to someone who has not read the claims.
    `goes_on_from`: each run begins with the model that this arm's run of the same seed ended
    with. `leaves_out` are tasks whose loss weighs nothing: their sentences teach nothing here,
    and their scores show what is forgotten.
    """

    title: str
    spec: ComparisonSpec
    goes_on_from: Arm | None = None
    leaves_out: tuple[str, ...] = ()


Experiments = Mapping[str, Experiment]
"""Experiments by name."""

_SEEDS = (0, 1, 2, 3, 4)
"""Five and not a comparison's usual three: with two more an interval is about half as wide."""

_BOTH_HEADS = Arm(experiment="standard", scenario="full")


def _sample(*scenarios: str, **changes: object) -> ComparisonSpec:
    """On the sample and the embedded checkpoint, five seeds, three epochs."""
    return ComparisonSpec.model_validate(
        {"checkpoint": CHECKPOINT, "scenarios": scenarios, "seeds": _SEEDS, **changes}
    )


EXPERIMENTS: Experiments = {
    "standard": Experiment(
        title="Six plans, from heads only to full",
        spec=_sample(
            *("heads-only", "top-1", "top-2", "gradual", "discriminative", "full"),
            also_evaluate=(POSTS,),
        ),
    ),
    "recipes": Experiment(
        title="Four recipes: LP-FT, ULMFiT, chain-thaw, BitFit",
        spec=_sample("lp-ft", "ulmfit", "chain-thaw", "bitfit", also_evaluate=(POSTS,)),
    ),
    "noisy labels": Experiment(
        title="Heads only and full on 30 % wrong labels",
        spec=_sample("heads-only", "full", label_noise={"sentiment": 0.3, "ner": 0.3}),
    ),
    "little data": Experiment(
        title="Full on 100 sentences a task",
        spec=_sample("full", examples={"sentiment": 100, "ner": 100}),
    ),
    "little data, high rate": Experiment(
        title="Full on 100 sentences a task, at a high rate",
        spec=_sample("full", examples={"sentiment": 100, "ner": 100}, learning_rate=1e-3),
    ),
    "random encoder": Experiment(
        title="Heads only on a random encoder", spec=_sample("heads-only", random_backbone=True)
    ),
    "then sentiment": Experiment(
        title="After both tasks sentiment alone, NER head frozen",
        spec=_sample("freeze-head:ner"),
        goes_on_from=_BOTH_HEADS,
        leaves_out=("ner",),
    ),
    "then sentiment, high rate": Experiment(
        title="After both tasks sentiment alone, NER head frozen, at a high rate",
        spec=_sample("freeze-head:ner", learning_rate=1e-3),
        goes_on_from=_BOTH_HEADS,
        leaves_out=("ner",),
    ),
    "then sentiment, gradual": Experiment(
        title="After both tasks sentiment alone, gradually unfrozen",
        spec=_sample("gradual"),
        goes_on_from=_BOTH_HEADS,
        leaves_out=("ner",),
    ),
    "bert-base": Experiment(
        title="Top 3 layers and full on BERT-base",
        spec=ComparisonSpec(checkpoint="bert-base-uncased", scenarios=("top-3", "full")),
    ),
}
"""By name. All but "bert-base" run on what comes with Freeze Lab."""


def elsewhere(**changes: object) -> Experiments:
    """All experiments on another checkpoint, on other data or for another time.

    `changes` are fields of ComparisonSpec; those that are None change nothing. On other data
    nothing is scored on the posts: their labels are the sample's.
    """
    wanted = {name: value for name, value in changes.items() if value is not None}
    if "data" in wanted:
        wanted["also_evaluate"] = ()
    return {
        name: each.model_copy(update={"spec": each.spec.model_copy(update=wanted)})
        for name, each in EXPERIMENTS.items()
    }


def needed_arms(arms: tuple[Arm, ...]) -> tuple[Arm, ...]:
    """`arms` with those that they go on from before them, each once."""
    needed: dict[Arm, None] = {}
    for arm in arms:
        before = EXPERIMENTS[arm.experiment].goes_on_from
        if before is not None:
            needed |= dict.fromkeys(needed_arms((before,)))
        needed[arm] = None
    return tuple(needed)
