"""The experiments that test the claims. Some start from models that another one trained.

Several claims share an experiment. docs/claims.md has the number of runs and the expected minutes.
Every arm trains with the rates that its scenario was tuned with (docs/tuning.md) unless the rate is
what the claim is about. Arms that a claim compares have the same epochs.
"""

from collections.abc import Mapping

from mtl_core.analysis.claim_rules import Arm
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.models.trained_vector import trained_sentence_vector
from mtl_core.settings import ANY_FILE
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_POSTS
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.arm import ComparisonArm, named_arm
from mtl_core.training.comparison import ComparisonSpec, plain_arms
from mtl_core.values import Frozen

CHECKPOINT = "minilm-l6"
POSTS = SAMPLE_POSTS
GENERAL, DOMAIN = "bert-base-uncased", "biobert"
"""The default pair of the claim about a general and a domain checkpoint."""

LONG = 9.0
"""Epochs of the experiment in which plans with many phases have about an epoch for each phase."""

HIGH_RATE = 3e-3
"""Ten times the rate of full fine-tuning on the included checkpoint."""

HIGHER_RATE = 1e-3
"""About three times that rate, for the second stage."""

GRADUAL_ALL = "gradual, all layers"


class Experiment(Frozen):
    """A comparison that tests claims.

    `title` describes the comparison to a reader who does not know the claims.
    `starts_from`: each run starts from the final model of this arm's run with the same seed; None:
    from the checkpoint. `seconds_per_seed` are the expected seconds of one seed of all arms, each
    run alone on one core; None if they are unknown.
    """

    title: str
    spec: ComparisonSpec
    starts_from: Arm | None = None
    seconds_per_seed: float | None = None


Experiments = Mapping[str, Experiment]
"""Experiments by name."""


def seeds(count: int) -> tuple[int, ...]:
    """The first seeds. Five is the default; ten where five cannot decide (docs/claims.md)."""
    return tuple(range(count))


def gradual_over_all_layers() -> Plan:
    """Gradual unfreezing down to the first layer and then the embeddings, as the text describes.

    The scenario `gradual` stops after three layers. The rates are those of that scenario.
    """
    model = ModelDescription(read_description(shipped_description(CHECKPOINT)), DEFAULT_TASKS)
    gradual = scenario_plan("gradual", model)
    layers = model.backbone.layers
    lower = (
        Phase(name=f"+ layer {layers - n}", train=("heads", f"top:{n}"))
        for n in range(len(gradual.phases), layers + 1)
    )
    phases = (*gradual.phases, *lower, Phase(name="all", train=("all",)))
    return gradual.model_copy(update={"name": GRADUAL_ALL, "phases": phases})


def _sample(*arms: ComparisonArm, count: int = 5, **changes: object) -> ComparisonSpec:
    """A comparison on the sample and the included checkpoint: three epochs, `count` seeds."""
    values = {
        "checkpoint": CHECKPOINT,
        "arms": arms,
        "seeds": seeds(count),
        "sentence_vector": SentenceVector.MEAN,
    }
    return ComparisonSpec.model_validate({**values, **changes})


def _limited(scenario: str, sentences: int, name: str | None = None) -> ComparisonArm:
    """A scenario trained on a number of sentences per task, which each seed draws anew."""
    limits = {task.name: sentences for task in DEFAULT_TASKS}
    named = name or f"{scenario}, {sentences} sentences"
    return named_arm(scenario, named, options={"examples": limits, "resample": True})


def _without(task: str, name: str, **changes: object) -> ComparisonArm:
    """Full fine-tuning without the loss of a task."""
    return named_arm("full", name, task_weights={task: 0.0}, **changes)


def _first_token(arm: ComparisonArm) -> ComparisonArm:
    options = {**arm.options, "sentence_vector": SentenceVector.FIRST_TOKEN}
    return arm.model_copy(update={"options": options, "name": f"{arm.name}, first token"})


_HEADS_AND_FULL = plain_arms(("heads-only", "full"))
_FEW = tuple(_limited(name, size) for size in (50, 200) for name in ("heads-only", "full"))
_WRONG_LABELS = {task.name: 0.3 for task in DEFAULT_TASKS}
_STANDARD_FULL = Arm(experiment="standard", scenario="full")


def _strong_alone(scenario: str) -> Arm:
    return Arm(experiment="strong task alone", scenario=scenario)


EXPERIMENTS: Experiments = {
    "standard": Experiment(
        title="Six plans, from heads only to full",
        seconds_per_seed=126,
        spec=_sample(
            *plain_arms(("heads-only", "top-1", "top-2", "gradual", "discriminative", "full")),
            count=10,
            also_evaluate=(POSTS,),
            separate_runs=True,  # claims compare their seconds and memory
        ),
    ),
    "recipes": Experiment(
        title="LP-FT, BitFit, the bottom layers, and everything frozen",
        seconds_per_seed=94,
        spec=_sample(
            *plain_arms(("lp-ft", "bitfit", "bottom-2", "frozen")), also_evaluate=(POSTS,)
        ),
    ),
    "first token": Experiment(
        title="Heads only and full with the first token",
        seconds_per_seed=106,
        spec=_sample(
            *(_first_token(arm) for arm in _HEADS_AND_FULL),
            *(_first_token(arm) for arm in _FEW),
            *(_first_token(_limited(name, 100)) for name in ("heads-only", "full")),
            also_evaluate=(POSTS,),
        ),
    ),
    "random encoder": Experiment(
        title="Heads only on a randomly initialised encoder",
        seconds_per_seed=8,
        spec=_sample(*plain_arms(("heads-only",)), random_backbone=True),
    ),
    "wrong labels": Experiment(
        title="Heads only and full with 30 % wrong labels",
        seconds_per_seed=78,
        spec=_sample(
            *_HEADS_AND_FULL,
            *(_first_token(arm) for arm in _HEADS_AND_FULL),
            label_noise=_WRONG_LABELS,
        ),
    ),
    "few sentences": Experiment(
        title="Heads only and full on 50 and 200 sentences per task",
        seconds_per_seed=45,
        spec=_sample(*_FEW, also_evaluate=(POSTS,)),
    ),
    "100 sentences": Experiment(
        title="Stability on 100 sentences per task",
        seconds_per_seed=55,
        spec=_sample(
            *plain_arms(("heads-only", "full", "gradual", "discriminative")),
            named_arm("full", "full, high rate", learning_rate=HIGH_RATE),
            count=20,
            examples={task.name: 100 for task in DEFAULT_TASKS},
            resample=True,
        ),
    ),
    "nine epochs": Experiment(
        title="Plans with many phases, nine epochs",
        seconds_per_seed=286,
        spec=_sample(
            *plain_arms(("heads-only", "chain-thaw", "ulmfit", "full")),
            named_arm(gradual_over_all_layers(), GRADUAL_ALL),
            epochs=LONG,
        ),
    ),
    "posts after reviews": Experiment(
        title="Second stage: posts after reviews",
        seconds_per_seed=225,
        starts_from=_STANDARD_FULL,
        spec=_sample(
            named_arm("full", "both losses"),
            *plain_arms(("freeze-head:ner", "freeze-head:sentiment")),
            _without("ner", "sentiment alone"),
            _without("sentiment", "entities alone"),
            _without("ner", "sentiment alone, higher rate", learning_rate=HIGHER_RATE),
            named_arm(
                gradual_over_all_layers(),
                "sentiment alone, gradual",
                task_weights={"ner": 0.0},
            ),
            count=10,
            data=POSTS,
            also_evaluate=(SAMPLE,),
            others_each_epoch=True,
        ),
    ),
    "strong task alone": Experiment(
        title="One task alone, before the other one with 50 sentences",
        seconds_per_seed=80,
        spec=_sample(
            _without("ner", "sentiment alone"),
            _without("sentiment", "entities alone"),
            probe_layers=True,
        ),
    ),
    "few entities": Experiment(
        title="Second stage: 50 sentences with entities, 400 labels of sentiment",
        seconds_per_seed=44,
        starts_from=_strong_alone("sentiment alone"),
        spec=_sample(*plain_arms(("full", "freeze-head:sentiment")), examples={"ner": 50}),
    ),
    "few labels": Experiment(
        title="Second stage: 50 labels of sentiment, 400 sentences with entities",
        seconds_per_seed=44,
        starts_from=_strong_alone("entities alone"),
        spec=_sample(*plain_arms(("full", "freeze-head:ner")), examples={"sentiment": 50}),
    ),
    "posts": Experiment(
        title="Full on the posts",
        seconds_per_seed=14,
        spec=_sample(*plain_arms(("full",)), count=10, data=POSTS),
    ),
    "reviews after posts": Experiment(
        title="Second stage: reviews after posts",
        seconds_per_seed=35,
        starts_from=Arm(experiment="posts", scenario="full"),
        spec=_sample(*plain_arms(("full",)), count=10, also_evaluate=(POSTS,)),
    ),
    "bert-base": Experiment(
        title="Top 3 layers and full on BERT-base",
        spec=ComparisonSpec(checkpoint=GENERAL, arms=plain_arms(("top-3", "full")), seeds=seeds(5)),
    ),
    "general or domain": Experiment(
        title="Full on a general and on a domain checkpoint",
        spec=ComparisonSpec(
            checkpoint=GENERAL,
            arms=(named_arm("full", "general"), named_arm("full", "domain", checkpoint=DOMAIN)),
            seeds=seeds(5),
        ),
    ),
}
"""Experiments by name. "bert-base" and "general or domain" need weights that are not included."""


def experiments_with(**changes: object) -> Experiments:
    """The experiments on another checkpoint, on other data or with other options.

    `checkpoint` replaces the included one, and the general one of the pair; `domain_checkpoint` the
    other one of the pair. The other changes are fields of ComparisonSpec. A value of None is
    ignored. What another checkpoint or other data cannot test is left out: the posts with other
    data, and plans that are written for the layers of the included checkpoint. Raises
    CheckpointError.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    general, domain = given.pop("checkpoint", None), given.pop("domain_checkpoint", None)
    found = {}
    for name, each in EXPERIMENTS.items():
        spec = each.spec
        if "data" in given and spec.data != SAMPLE:
            continue
        if "data" in given:
            spec = spec.model_copy(update={"also_evaluate": ()})
        if domain is not None and len(spec.checkpoints) > 1:
            spec = _with_domain(spec, str(domain))
        if general is not None and (spec.checkpoint == CHECKPOINT or len(spec.checkpoints) > 1):
            spec = _on_checkpoint(spec, str(general))
        found[name] = each.model_copy(update={"spec": spec.model_copy(update=given)})
    return {
        name: each
        for name, each in found.items()
        if each.starts_from is None or each.starts_from.experiment in found
    }


def _on_checkpoint(spec: ComparisonSpec, checkpoint: str) -> ComparisonSpec:
    vector = trained_sentence_vector(resolve_checkpoint(checkpoint, ANY_FILE))
    kept = tuple(arm for arm in spec.arms if arm.plan is None)
    values = {"checkpoint": checkpoint, "sentence_vector": vector, "arms": kept}
    return spec.model_copy(update=values)


def _with_domain(spec: ComparisonSpec, checkpoint: str) -> ComparisonSpec:
    arms = tuple(
        arm if arm.checkpoint is None else arm.model_copy(update={"checkpoint": checkpoint})
        for arm in spec.arms
    )
    return spec.model_copy(update={"arms": arms})


def with_start_arms(arms: tuple[Arm, ...]) -> tuple[Arm, ...]:
    """`arms` without repeats, each preceded by the arm that its runs start from."""
    ordered: dict[Arm, None] = {}
    for arm in arms:
        start = EXPERIMENTS[arm.experiment].starts_from
        if start is not None:
            ordered |= dict.fromkeys(with_start_arms((start,)))
        ordered[arm] = None
    return tuple(ordered)
