"""Estimates what a run needs while it is trained, without torch."""

from mtl_core.cost.estimate import ADAMW_BYTES, FLOAT_BYTES, step_cost
from mtl_core.engine.cached_costs import NotCached, cached_model, cached_profile
from mtl_core.engine.capacity import Demand, computes_on_accelerator
from mtl_core.engine.held_outputs import held_output_bytes
from mtl_core.errors import FreezeLabError
from mtl_core.file_access import FileAccess
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription, ModelDescription
from mtl_core.settings import Settings
from mtl_core.store.record import RunRecord, RunRole
from mtl_core.tasks.data_sources import ReadsData
from mtl_core.training.spec import RunSpec
from mtl_core.training.together.rule import only_heads_learn

PROCESS_BYTES = 450_000_000
"""Memory of a trainer with torch and transformers loaded, before it loads a model."""


def demand_of(run: RunRecord, settings: Settings, access: FileAccess, load: ReadsData) -> Demand:
    """Estimate the threads and the memory of a run; one that measures an epoch runs alone.

    `access` defines which checkpoints may be read, and `load` reads data.
    """
    return Demand(
        threads=run.spec.threads,
        memory_bytes=peak_memory_bytes(run.spec, settings, access, load, _may_be_grouped(run)),
        accelerated=computes_on_accelerator(run.spec.device),
        alone=run.role is RunRole.PACE,
    )


def _may_be_grouped(run: RunRecord) -> bool:
    """Whether a run may be trained together with other runs of its comparison."""
    return run.comparison is not None and only_heads_learn(run.spec)


def peak_memory_bytes(
    spec: RunSpec,
    settings: Settings,
    access: FileAccess,
    load: ReadsData,
    grouped: bool = False,
) -> int | None:
    """Estimate the peak memory of a run's process: the step of its costliest phase, and outputs of
    frozen layers. `grouped`: it may be trained together with others.

    A checkpoint whose costs were not traced yet counts as fully trained, with the activations of
    an ordinary transformer. None if it was never described on this
    machine, or if `access` does not allow it.
    """
    try:
        checkpoint, model = cached_model(spec, settings, access)
        step_bytes = _step_bytes(spec, model, checkpoint, settings)
        held_bytes = held_output_bytes(spec, model, settings, load, grouped)
        return PROCESS_BYTES + held_bytes + step_bytes
    except FreezeLabError:
        return None


def _step_bytes(
    spec: RunSpec, model: ModelDescription, checkpoint: Checkpoint, settings: Settings
) -> int:
    try:
        profile = cached_profile(checkpoint, settings)
    except NotCached:
        return _rough_step_bytes(spec, model.backbone)
    return max(
        step_cost(
            profile,
            model,
            table,
            spec.pass_size,
            spec.max_length,
            frozen_dropout=spec.frozen_dropout,
        ).memory_bytes
        for table in parameter_tables(spec.plan, model)
    )


def _rough_step_bytes(spec: RunSpec, backbone: BackboneDescription) -> int:
    """Memory of a step that trains everything.

    Source of the activations: Korthikanti et al. 2022, equation 2, with 4 bytes per number.
    """
    tokens = spec.max_length
    per_token = 68 * backbone.hidden_size + 10 * backbone.heads_per_layer * tokens
    activations = spec.pass_size * tokens * per_token * backbone.depth
    return (2 * FLOAT_BYTES + ADAMW_BYTES) * backbone.total + activations
