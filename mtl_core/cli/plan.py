"""The `plan` command: prints the plan of a scenario as YAML."""

import sys

from mtl_core.cli.model_and_plan import load_model_and_plan
from mtl_core.cli.options import CheckpointOption, DataOption, ScenarioOption
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.models.catalogue import EMBEDDED


def plan(
    checkpoint: CheckpointOption = EMBEDDED,
    scenario: ScenarioOption = None,
    data: DataOption = None,
) -> None:
    """Print a scenario's plan as YAML, to edit and pass to --plan."""
    sys.stdout.write(plan_to_yaml(load_model_and_plan(checkpoint, scenario, None, data).plan))
