"""The experiments that test the claims. Some start from models that another one trained.

Several claims share an experiment. docs/claims.md has the number of runs and the expected minutes.
Every arm trains with the rates that its scenario was tuned with (docs/tuning.md) unless the rate is
what the claim is about. Arms that a claim compares have the same epochs.
"""

from collections.abc import Mapping

from mtl_core.analysis.claim_rules import Arm
from mtl_core.file_access import FileAccess
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.rates import default_rates
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import catalogue_description
from mtl_core.models.catalogue import EMBEDDED
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.models.trained_vector import trained_sentence_vector
from mtl_core.tasks.dataset import SAMPLE, SAMPLE_POSTS
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.arm import ComparisonArm, named_arm
from mtl_core.training.comparison import ComparisonSpec, plain_arms
from mtl_core.values import Frozen

POSTS = SAMPLE_POSTS
GENERAL, DOMAIN = "bert-base-uncased", "biobert"
"""The default pair of the claim about a general and a domain checkpoint."""

EPOCHS = 3.0
"""Epochs of most experiments: the default of a comparison."""

IN_AN_EPOCH = 2
"""Evaluations per epoch of a short second stage, whose arms are compared at an equal gain."""

LONG = 9.0
"""Epochs of the experiment in which plans with many phases have about an epoch for each phase."""

HIGH, HIGHER = 10, 3
"""By what the tuned rate of full is multiplied where a high rate is tested."""

GRADUAL_ALL = "gradual, all layers"

OFF_EPOCHS = 21.75
"""The epochs of 50 sentences of the weak task alone, which give the 87 steps that three epochs have
with 400 sentences of the strong task beside them."""

FEW_EPOCHS = {50: 24.0, 200: 6.0}
"""The epochs of few sentences per task, which give about the 150 steps of 400 in three epochs."""


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
    """The first seeds. Five is the default; more where five cannot decide (docs/claims.md)."""
    return tuple(range(count))


def gradual_over_all_layers() -> Plan:
    """Gradual unfreezing down to the first layer and then the embeddings, as the text describes.

    The scenario `gradual` stops after three layers. The rates are those of that scenario.
    """
    model = ModelDescription(catalogue_description(EMBEDDED), DEFAULT_TASKS)
    gradual = scenario_plan("gradual", model)
    layers = model.backbone.layers
    lower = (
        Phase(name=f"+ layer {layers - n}", train=("heads", f"top:{n}"))
        for n in range(len(gradual.phases), layers + 1)
    )
    phases = (*gradual.phases, *lower, Phase(name="all", train=("all",)))
    return gradual.model_copy(update={"name": GRADUAL_ALL, "phases": phases})


def _gradual_with_rates_of_full() -> Plan:
    """Gradual unfreezing of all layers with the rates of full in every phase."""
    gradual, rates = gradual_over_all_layers(), default_rates("full", EMBEDDED_HIDDEN_SIZE)
    own = {"learning_rate": None, "head_learning_rate": None, "thawed_learning_rate": None}
    phases = tuple(phase.model_copy(update=own) for phase in gradual.phases)
    whole = {"learning_rate": rates.encoder, "head_learning_rate": rates.heads}
    return gradual.model_copy(update={"phases": phases, **whole})


def _hidden_size(checkpoint: str) -> int:
    return catalogue_description(checkpoint).hidden_size


EMBEDDED_HIDDEN_SIZE = _hidden_size(EMBEDDED)


def _sample(*arms: ComparisonArm, count: int = 5, **changes: object) -> ComparisonSpec:
    """A comparison on the sample and the included checkpoint: three epochs, `count` seeds."""
    values = {
        "checkpoint": EMBEDDED,
        "arms": arms,
        "seeds": seeds(count),
        "sentence_vector": SentenceVector.MEAN,
    }
    return ComparisonSpec.model_validate({**values, **changes})


def full_rate(hidden_size: int, factor: float) -> float:
    """The tuned rate of full for an encoder of this width, multiplied by `factor`."""
    return round(factor * default_rates("full", hidden_size).encoder, 10)


_HIGH_RATE = full_rate(EMBEDDED_HIDDEN_SIZE, HIGH)
_HIGHER_RATE = full_rate(EMBEDDED_HIDDEN_SIZE, HIGHER)


def _of_each_task(sentences: int) -> dict[str, int]:
    return {task.name: sentences for task in DEFAULT_TASKS}


def _limited(scenario: str, sentences: int) -> ComparisonArm:
    """A scenario trained on a number of sentences per task, drawn for each seed."""
    options = {
        "examples": _of_each_task(sentences),
        "resample": True,
        "epochs": FEW_EPOCHS[sentences],
    }
    return named_arm(scenario, f"{scenario}, {sentences} sentences", options=options)


def _off(scenario: str, task: str) -> ComparisonArm:
    """A scenario without the loss of the strong task, with as many steps as with it."""
    return named_arm(
        scenario,
        f"{scenario}, its loss off",
        task_weights={task: 0.0},
        options={"epochs": OFF_EPOCHS},
    )


def _without(task: str, name: str, **changes: object) -> ComparisonArm:
    """Full fine-tuning without the loss of a task."""
    return named_arm("full", name, task_weights={task: 0.0}, **changes)


def _first_token(arm: ComparisonArm) -> ComparisonArm:
    options = {**arm.options, "sentence_vector": SentenceVector.FIRST_TOKEN}
    return arm.model_copy(update={"options": options, "name": f"{arm.name}, first token"})


_HEADS_AND_FULL = plain_arms(("heads-only", "full"))
_FEW = tuple(_limited(name, size) for size in (50, 200) for name in ("heads-only", "full"))
_STANDARD_FULL = Arm(experiment="standard", scenario="full")


def _strong_alone(scenario: str) -> Arm:
    return Arm(experiment="strong task alone", scenario=scenario)


EXPERIMENTS: Experiments = {
    "standard": Experiment(
        title="Six plans, from heads only to full",
        seconds_per_seed=126,
        spec=_sample(
            *plain_arms(("heads-only", "top-1", "top-2", "gradual", "discriminative", "full")),
            count=20,
            also_evaluate=(POSTS,),
            separate_runs=True,  # claims compare their seconds and memory
        ),
    ),
    "recipes": Experiment(
        title="LP-FT, BitFit, the bottom layers, everything frozen, and a high rate",
        seconds_per_seed=128,
        spec=_sample(
            *plain_arms(("lp-ft", "bitfit", "bottom-2", "frozen")),
            named_arm("full", "full, high rate", learning_rate=_HIGH_RATE),
            also_evaluate=(POSTS,),
        ),
    ),
    "first token": Experiment(
        title="Heads only and full with the first token",
        seconds_per_seed=142,
        spec=_sample(
            *(_first_token(arm) for arm in _HEADS_AND_FULL),
            *(_first_token(arm) for arm in _FEW),
            also_evaluate=(POSTS,),
        ),
    ),
    "random encoder": Experiment(
        title="Heads only on a randomly initialised encoder",
        seconds_per_seed=8,
        spec=_sample(*plain_arms(("heads-only",)), random_backbone=True),
    ),
    "wrong labels": Experiment(
        title="Heads only and full with 30 % wrong labels of sentiment, nine epochs",
        seconds_per_seed=87,
        spec=_sample(*_HEADS_AND_FULL, epochs=LONG, label_noise={"sentiment": 0.3}),
    ),
    "few sentences": Experiment(
        title="Heads only and full on 50 and 200 sentences per task",
        seconds_per_seed=101,
        spec=_sample(*_FEW, count=10),
    ),
    "100 sentences": Experiment(
        title="Stability on the same 100 sentences per task, six epochs",
        seconds_per_seed=96,
        spec=_sample(
            *plain_arms(("full", "gradual", "discriminative")),
            named_arm("full", "full, high rate", learning_rate=_HIGH_RATE),
            count=20,
            epochs=6.0,
            examples=_of_each_task(100),
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
        seconds_per_seed=160,
        starts_from=_STANDARD_FULL,
        spec=_sample(
            named_arm("full", "both losses"),
            *plain_arms(("freeze-head:ner", "freeze-head:sentiment")),
            _without("ner", "sentiment alone"),
            _without("ner", "sentiment alone, higher rate", learning_rate=_HIGHER_RATE),
            count=10,
            data=POSTS,
            also_evaluate=(SAMPLE,),
            others_each_epoch=True,
            evaluations_per_epoch=IN_AN_EPOCH,
        ),
    ),
    "entities after reviews": Experiment(
        title="Second stage: the entities of posts after reviews",
        seconds_per_seed=32,
        starts_from=_STANDARD_FULL,
        spec=_sample(
            _without("sentiment", "entities alone"),
            data=POSTS,
            also_evaluate=(SAMPLE,),
            others_each_epoch=True,
            evaluations_per_epoch=IN_AN_EPOCH,
        ),
    ),
    "gradual after reviews": Experiment(
        title="Second stage: the sentiment of posts after reviews, layer by layer, nine epochs",
        seconds_per_seed=105,
        starts_from=_STANDARD_FULL,
        spec=_sample(
            _without("ner", "all at once"),
            named_arm(_gradual_with_rates_of_full(), "gradual", task_weights={"ner": 0.0}),
            count=8,
            data=POSTS,
            epochs=LONG,
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
        seconds_per_seed=66,
        starts_from=_strong_alone("sentiment alone"),
        spec=_sample(
            *plain_arms(("full", "freeze-head:sentiment")),
            _off("freeze-head:sentiment", "sentiment"),
            examples={"ner": 50},
        ),
    ),
    "few labels": Experiment(
        title="Second stage: 50 labels of sentiment, 400 sentences with entities",
        seconds_per_seed=66,
        starts_from=_strong_alone("entities alone"),
        spec=_sample(
            *plain_arms(("full", "freeze-head:ner")),
            _off("freeze-head:ner", "ner"),
            examples={"sentiment": 50},
        ),
    ),
    "posts": Experiment(
        title="Full on the posts",
        seconds_per_seed=14,
        spec=_sample(*plain_arms(("full",)), data=POSTS),
    ),
    "200 reviews": Experiment(
        title="Full on the same 200 reviews",
        seconds_per_seed=24,
        spec=_sample(*plain_arms(("full",)), examples=_of_each_task(200), also_evaluate=(POSTS,)),
    ),
    "reviews after posts": Experiment(
        title="Second stage: reviews after posts",
        seconds_per_seed=105,
        starts_from=Arm(experiment="posts", scenario="full"),
        spec=_sample(
            *plain_arms(("full", "freeze-head:ner", "freeze-head:sentiment")),
            also_evaluate=(POSTS,),
        ),
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


def experiments_with(access: FileAccess, **changes: object) -> Experiments:
    """The experiments on another checkpoint, on other data or with other options.

    `checkpoint`, read with `access`, replaces the included one, and the general one of the pair;
    `domain_checkpoint` the other one of the pair. `epochs` are those of the experiments with three;
    the others are scaled. The other changes are fields of ComparisonSpec. A value of None is
    ignored. What another checkpoint or other data cannot test is left out: the
    posts with other data, plans that are written for the layers of the included checkpoint, and
    multiples of the tuned rate for a checkpoint outside the catalogue, whose width is not known.
    Raises CheckpointError.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    general, domain = given.pop("checkpoint", None), given.pop("domain_checkpoint", None)
    longer = float(str(given.pop("epochs", EPOCHS))) / EPOCHS
    found = {}
    for name, each in EXPERIMENTS.items():
        spec = each.spec
        if "data" in given and spec.data != SAMPLE:
            continue
        if "data" in given:
            spec = spec.model_copy(update={"also_evaluate": ()})
        if domain is not None and len(spec.checkpoints) > 1:
            spec = _with_domain(spec, str(domain))
        if general is not None and (spec.checkpoint == EMBEDDED or len(spec.checkpoints) > 1):
            spec = _on_checkpoint(spec, resolve_checkpoint(str(general), access))
        spec = _longer(spec.model_copy(update=given), longer)
        found[name] = each.model_copy(update={"spec": spec})
    return {
        name: each
        for name, each in found.items()
        if each.starts_from is None or each.starts_from.experiment in found
    }


def _longer(spec: ComparisonSpec, times: float) -> ComparisonSpec:
    """The experiment with the epochs of all its arms multiplied."""
    arms = tuple(
        arm.model_copy(
            update={"options": {**arm.options, "epochs": times * arm.options["epochs"]}}
            if "epochs" in arm.options
            else {}
        )
        for arm in spec.arms
    )
    return spec.model_copy(update={"arms": arms, "epochs": times * spec.epochs})


def _on_checkpoint(spec: ComparisonSpec, checkpoint: Checkpoint) -> ComparisonSpec:
    vector = trained_sentence_vector(checkpoint)
    width = _hidden_size(checkpoint.entry) if checkpoint.entry is not None else None
    fitting = tuple(
        _at_rate_for(width, arm)
        for arm in spec.arms
        if arm.plan is None and (arm.learning_rate is None or width is not None)
    )
    values = {"checkpoint": checkpoint.reference, "sentence_vector": vector, "arms": fitting}
    return spec.model_copy(update=values)


def _at_rate_for(width: int | None, arm: ComparisonArm) -> ComparisonArm:
    """The arm with the same multiple of the tuned rate of full for an encoder of this width."""
    if arm.learning_rate is None or width is None:
        return arm
    factor = arm.learning_rate / full_rate(EMBEDDED_HIDDEN_SIZE, 1)
    return arm.model_copy(update={"learning_rate": full_rate(width, factor)})


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
