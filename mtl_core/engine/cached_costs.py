"""Descriptions and cost profiles of checkpoints that are known without torch."""

from mtl_core.cost.profile import CostProfile
from mtl_core.cost.profile_cache import load_profile
from mtl_core.errors import FreezeLabError
from mtl_core.file_access import FileAccess
from mtl_core.models.cache import description_of
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import BackboneDescription, ModelDescription
from mtl_core.settings import Settings
from mtl_core.training.spec import RunSpec


class NotCached(FreezeLabError):
    """A description or a cost profile would have to be computed with torch."""


def cached_model(
    spec: RunSpec, settings: Settings, access: FileAccess
) -> tuple[Checkpoint, ModelDescription]:
    """Return the checkpoint of a run and its description with the run's heads.

    Raises CheckpointError if `access` does not allow the checkpoint, and NotCached if it was never
    described on this machine.
    """
    checkpoint = resolve_checkpoint(spec.checkpoint, access)
    backbone = description_of(checkpoint, settings, _no_description)
    return checkpoint, ModelDescription(backbone, spec.tasks, spec.sentence_vector)


def cached_profile(checkpoint: Checkpoint, settings: Settings) -> CostProfile:
    """Return the cost profile of a checkpoint. Raises NotCached if it was never traced here."""
    return load_profile(checkpoint, settings, _no_profile)


def _no_description(_checkpoint: Checkpoint) -> BackboneDescription:
    raise NotCached


def _no_profile(_checkpoint: Checkpoint) -> CostProfile:
    raise NotCached
