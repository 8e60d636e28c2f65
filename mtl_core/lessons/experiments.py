"""The experiments that test the claims. Some start from models that another one trained.

With three epochs and five seeds, all experiments together take well under an hour on two cores.
Several claims share an experiment.
"""

from collections.abc import Mapping

from mtl_core.analysis.claim_rules import Arm
from mtl_core.training.comparison import ComparisonSpec, plain_arms
from mtl_core.values import Frozen

CHECKPOINT = "minilm-l6"
POSTS = "sample-posts"


class Experiment(Frozen):
    """A comparison that tests claims.

    `title` describes the comparison to a reader who does not know the claims.
    `starts_from`: each run starts from the final model of this arm's run with the same seed; None:
    from the checkpoint.
    `untrained_tasks` have a loss weight of 0. Their scores measure forgetting.
    """

    title: str
    spec: ComparisonSpec
    starts_from: Arm | None = None
    untrained_tasks: tuple[str, ...] = ()


Experiments = Mapping[str, Experiment]
"""Experiments by name."""

_SEEDS = (0, 1, 2, 3, 4)
"""Five instead of the default three: the intervals are about half as wide."""

_FULL = Arm(experiment="standard", scenario="full")


def _sample(*scenarios: str, **changes: object) -> ComparisonSpec:
    """A comparison on the sample data and the included checkpoint: five seeds, three epochs.

    Each run is trained alone, because claims compare training times.
    """
    values = {"checkpoint": CHECKPOINT, "scenarios": scenarios, "seeds": _SEEDS}
    return ComparisonSpec.model_validate({**values, "separate_runs": True, **changes})


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
        title="Heads only and full with 30 % wrong labels",
        spec=_sample("heads-only", "full", label_noise={"sentiment": 0.3, "ner": 0.3}),
    ),
    "little data": Experiment(
        title="Full on 100 sentences per task",
        spec=_sample("full", examples={"sentiment": 100, "ner": 100}),
    ),
    "little data, high rate": Experiment(
        title="Full on 100 sentences per task, high learning rate",
        spec=_sample("full", examples={"sentiment": 100, "ner": 100}, learning_rate=1e-3),
    ),
    "random encoder": Experiment(
        title="Heads only on a randomly initialised encoder",
        spec=_sample("heads-only", random_backbone=True),
    ),
    "then sentiment": Experiment(
        title="Both tasks, then sentiment alone with the NER head frozen",
        spec=_sample("freeze-head:ner"),
        starts_from=_FULL,
        untrained_tasks=("ner",),
    ),
    "then sentiment, high rate": Experiment(
        title="Both tasks, then sentiment alone with the NER head frozen, high learning rate",
        spec=_sample("freeze-head:ner", learning_rate=1e-3),
        starts_from=_FULL,
        untrained_tasks=("ner",),
    ),
    "then sentiment, gradual": Experiment(
        title="Both tasks, then sentiment alone with gradual unfreezing",
        spec=_sample("gradual"),
        starts_from=_FULL,
        untrained_tasks=("ner",),
    ),
    "bert-base": Experiment(
        title="Top 3 layers and full on BERT-base",
        spec=ComparisonSpec(checkpoint="bert-base-uncased", arms=plain_arms(("top-3", "full"))),
    ),
}
"""Experiments by name. Only "bert-base" needs weights that are not included in Freeze Lab."""


def experiments_with(**changes: object) -> Experiments:
    """All experiments with some fields of ComparisonSpec replaced; a value of None is ignored.

    With other data the runs are not scored on the social posts, whose labels are the sample's.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if "data" in given:
        given["also_evaluate"] = ()
    return {
        name: each.model_copy(update={"spec": each.spec.model_copy(update=given)})
        for name, each in EXPERIMENTS.items()
    }


def with_start_arms(arms: tuple[Arm, ...]) -> tuple[Arm, ...]:
    """`arms` without repeats, each preceded by the arm that its runs start from."""
    ordered: dict[Arm, None] = {}
    for arm in arms:
        start = EXPERIMENTS[arm.experiment].starts_from
        if start is not None:
            ordered |= dict.fromkeys(with_start_arms((start,)))
        ordered[arm] = None
    return tuple(ordered)
