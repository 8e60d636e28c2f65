"""How much less a plan keeps for the backward pass than another: counted, no run needed."""

from mtl_core.analysis.claim_rules import KeptBytes
from mtl_core.cost.estimate import step_cost
from mtl_core.cost.kept import read_profile, shipped_profile
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.task import DEFAULT_TASKS


def kept_bytes_ratio(rule: KeptBytes) -> float:
    """Bytes kept on top of the weights under `against`, over those under `scenario`.

    For a checkpoint of the catalogue, whose shapes and cost profile ship: no weights are read.
    """
    model = ModelDescription(read_description(shipped_description(rule.checkpoint)), DEFAULT_TASKS)
    return _kept(rule, rule.against, model) / _kept(rule, rule.scenario, model)


def _kept(rule: KeptBytes, scenario: str, model: ModelDescription) -> int:
    """Of the phase that keeps most."""
    profile = read_profile(shipped_profile(rule.checkpoint))
    costs = [
        step_cost(profile, model, table, rule.batch_size, rule.max_length)
        for table in parameter_tables(scenario_plan(scenario, model), model)
    ]
    return max(cost.memory_bytes - cost.weight_bytes for cost in costs)
