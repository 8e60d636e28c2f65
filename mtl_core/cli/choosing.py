"""From options to values: the model that was named, and the plan for it."""

from dataclasses import dataclass
from pathlib import Path

from mtl_core.errors import InvalidPlan
from mtl_core.freezing.plan import Plan
from mtl_core.freezing.plan_file import read_plan
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import description_of
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import BackboneDescription, ModelDescription
from mtl_core.settings import Settings
from mtl_core.tasks.dataset import load_tasks
from mtl_core.tasks.task import DEFAULT_TASKS

DEFAULT_CHECKPOINT = "minilm-l6"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A checkpoint with heads, and a plan for it; `scenario` is None for a plan of one's own."""

    checkpoint: Checkpoint
    model: ModelDescription
    plan: Plan
    scenario: str | None


def choose_model(reference: str, data: str | None) -> tuple[Checkpoint, ModelDescription]:
    """The model of a checkpoint with the heads that `data` asks for (None: the default tasks)."""
    checkpoint = resolve_checkpoint(reference)
    settings = Settings.from_environment()
    backbone = description_of(checkpoint, settings, describe_here)
    tasks = load_tasks(data, settings.uploads) if data else DEFAULT_TASKS
    return checkpoint, ModelDescription(backbone, tasks)


def choose(reference: str, scenario: str | None, plan: Path | None, data: str | None) -> Chosen:
    """A model and its plan. Raises BadInput unless one of `scenario` and `plan` is given."""
    if (scenario is None) == (plan is None):
        raise InvalidPlan(
            "Name what learns: either --scenario NAME or --plan FILE, and not both. "
            "`python -m mtl_core scenarios` lists the scenarios."
        )
    checkpoint, model = choose_model(reference, data)
    if plan is not None:
        return Chosen(checkpoint, model, read_plan(plan), None)
    return Chosen(checkpoint, model, scenario_plan(scenario or "", model), scenario)


def describe_here(checkpoint: Checkpoint) -> BackboneDescription:
    """Make the description of a checkpoint in this process."""
    from mtl_core.models.describe import describe  # torch takes seconds, and is seldom needed

    return describe(checkpoint)
