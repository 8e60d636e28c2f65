"""Loads the model description and the plan that the options of a command name."""

from dataclasses import dataclass
from pathlib import Path

from mtl_core.errors import InvalidPlan
from mtl_core.freezing.plan import Plan
from mtl_core.freezing.plan_file import read_plan
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import description_of
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import BackboneDescription, ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.models.trained_vector import trained_sentence_vector
from mtl_core.settings import Settings
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.tasks.task import DEFAULT_TASKS


@dataclass(frozen=True, slots=True)
class ModelAndPlan:
    """A checkpoint, its model with heads, and a plan for it.

    `scenario` is None if the plan was read from a file. `dataset` is None without data.
    """

    checkpoint: Checkpoint
    model: ModelDescription
    plan: Plan
    scenario: str | None
    dataset: Dataset | None = None


def load_model(
    reference: str, data: str | None, sentence_vector: SentenceVector | None = None
) -> tuple[Checkpoint, ModelDescription]:
    """Describe a checkpoint with the heads for `data`; None means the default tasks.

    Without a `sentence_vector`, heads read the one that the checkpoint was trained with.
    """
    return _load_model_and_data(reference, data, sentence_vector)[:2]


def load_model_and_plan(
    reference: str,
    scenario: str | None,
    plan: Path | None,
    data: str | None,
    sentence_vector: SentenceVector | None = None,
) -> ModelAndPlan:
    """Describe a model, as `load_model` does, and load its plan.

    Raises InvalidPlan unless exactly one of `scenario` and `plan` is given.
    """
    if (scenario is None) == (plan is None):
        raise InvalidPlan(
            "Choose what to train with either --scenario NAME or --plan FILE, but not both. "
            "`python -m mtl_core scenarios` lists the scenarios."
        )
    checkpoint, model, dataset = _load_model_and_data(reference, data, sentence_vector)
    if plan is not None:
        return ModelAndPlan(checkpoint, model, read_plan(plan), None, dataset)
    chosen = scenario_plan(scenario or "", model)
    return ModelAndPlan(checkpoint, model, chosen, scenario, dataset)


def _load_model_and_data(
    reference: str, data: str | None, sentence_vector: SentenceVector | None
) -> tuple[Checkpoint, ModelDescription, Dataset | None]:
    """As `load_model`, with the data."""
    settings = Settings.from_environment()
    checkpoint = resolve_checkpoint(reference, settings.owner_access)
    backbone = description_of(checkpoint, settings, describe_in_process)
    dataset = load_dataset(data, settings.owner_access) if data else None
    tasks = DEFAULT_TASKS if dataset is None else dataset.tasks
    vector = sentence_vector or trained_sentence_vector(checkpoint)
    return checkpoint, ModelDescription(backbone, tasks, vector), dataset


def describe_in_process(checkpoint: Checkpoint) -> BackboneDescription:
    """Describe a checkpoint in this process, which imports torch."""
    from mtl_core.models.describe import describe  # takes seconds, and is rarely needed

    return describe(checkpoint)
