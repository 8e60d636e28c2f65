"""Estimates how long a run takes from the computed cost of its steps and the machine's speed."""

from collections.abc import Sequence

from mtl_core.cost.estimate import StepCost, step_cost
from mtl_core.cost.speed import Speed
from mtl_core.engine.cached_costs import cached_model, cached_profile
from mtl_core.engine.held_outputs import mean_tokens
from mtl_core.engine.planned_passes import PlannedPasses, planned_passes
from mtl_core.errors import FreezeLabError
from mtl_core.file_access import FileAccess
from mtl_core.settings import Settings
from mtl_core.tasks.data_sources import ReadsData
from mtl_core.training.spec import RunSpec

START_SECONDS = 3.0
"""Seconds before the first step: the packages, the model and the data are loaded."""


def computed_seconds(
    spec: RunSpec, settings: Settings, access: FileAccess, load: ReadsData, speed: Speed
) -> float | None:
    """Estimate the seconds of a run alone: its start, steps, evaluations and frozen layers.

    `speed` was measured with the threads of `settings`; fewer threads take longer in proportion,
    which is the most they can take. Outputs of frozen layers are computed and not found in the
    store; other data and measures are not counted. None if the steps are not those that the speed
    was measured for, if the checkpoint's costs were never traced on this machine, or if `access`
    or `load` does not allow the checkpoint or the data.
    """
    if not spec.computes_as_usual:
        return None
    try:
        checkpoint, model = cached_model(spec, settings, access)
        profile = cached_profile(checkpoint, settings)
        tokens = mean_tokens(spec, load)
        planned = planned_passes(spec, model, load)
    except FreezeLabError:
        return None
    costs = [
        step_cost(
            profile, model, table, spec.batch_size, tokens, frozen_dropout=spec.frozen_dropout
        )
        for table in planned.tables
    ]
    at_speed = _step_seconds(costs, planned, speed)
    at_speed += _forward_seconds(spec.batch_size, costs, planned, speed)
    return START_SECONDS + at_speed * max(1.0, settings.threads / spec.threads)


def _step_seconds(costs: Sequence[StepCost], planned: PlannedPasses, speed: Speed) -> float:
    """The seconds of all optimizer steps."""
    return sum(
        count * speed.seconds(cost, reused=prefix.depth is not None)
        for cost, count, prefix in zip(costs, planned.steps, planned.prefixes, strict=True)
    )


def _forward_seconds(
    batch_size: int, costs: Sequence[StepCost], planned: PlannedPasses, speed: Speed
) -> float:
    """The seconds of the evaluations, and of the passes that store frozen layers' outputs.

    One pass serves all phases that read the checkpoint's outputs.
    """
    flops, read, last = 0.0, planned.read, len(costs) - 1
    has_stored = False
    for number, (cost, count, prefix) in enumerate(
        zip(costs, planned.steps, planned.prefixes, strict=True)
    ):
        reuses = prefix.depth is not None
        processed = read.without_storing(count, number == 0, number == last)
        evaluated = float(processed) - count * read.training / read.per_epoch
        flops += evaluated * (cost.reused_forward_flops if reuses else cost.forward_flops)
        if reuses and not (prefix.original and has_stored):
            flops += read.every * (cost.forward_flops - cost.reused_forward_flops)
            has_stored |= prefix.original
    return flops / batch_size * speed.forward_seconds_per_flop
