"""Cost profiles that were traced before: shipped for the catalogue, kept on disk for the rest."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from mtl_core.cost.profile import CostProfile
from mtl_core.models.cache import config_key, write_atomically
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.settings import Settings

FORMAT = 1
"""Raised whenever the profile of the same configuration would come out differently."""

_SHIPPED = Path(__file__).with_name("profiles")


def profile_of(
    checkpoint: Checkpoint, settings: Settings, trace: Callable[[Checkpoint], CostProfile]
) -> CostProfile:
    """The cost profile of `checkpoint`: shipped, kept from before, or made by `trace` and kept.

    What is kept holds for one content of config.json and one version of transformers and torch.
    A kept file that cannot be read is made again. Raises what `trace` raises.
    """
    if checkpoint.entry is not None:
        return read_profile(shipped_profile(checkpoint.entry))
    key = config_key(checkpoint.config_file, FORMAT, ["transformers", "torch"])
    file = settings.costs / f"{key}.json"
    with suppress(OSError, ValidationError):
        return read_profile(file)
    profile = trace(checkpoint)
    with suppress(OSError):
        write_profile(file, profile)
    return profile


def shipped_profile(name: str) -> Path:
    """The file that ships with the product for the catalogue entry `name`."""
    return _SHIPPED / f"{name}.json"


def read_profile(file: Path) -> CostProfile:
    """A profile as `write_profile` wrote it.

    Raises OSError, or pydantic's ValidationError if the file holds anything else.
    """
    return CostProfile.model_validate_json(file.read_bytes())


def write_profile(file: Path, profile: CostProfile) -> None:
    """Write `profile` whole or not at all, defaults left out."""
    write_atomically(file, profile.model_dump_json(exclude_defaults=True) + "\n")
