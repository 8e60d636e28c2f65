"""Load cost profiles: shipped files for the catalogue, cached files for other checkpoints."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from mtl_core.cost.profile import CostProfile
from mtl_core.models.cache import config_key, read_or_compute, write_atomically
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.same_architecture import entry_of_same_architecture
from mtl_core.settings import Settings

FORMAT = 2
"""Increased whenever tracing the same configuration gives a different profile."""

_SHIPPED = Path(__file__).with_name("profiles")


def load_profile(
    checkpoint: Checkpoint, settings: Settings, trace: Callable[[Checkpoint], CostProfile]
) -> CostProfile:
    """Load the cost profile of `checkpoint`, or compute it with `trace` and cache it.

    That of a checkpoint with the architecture of a catalogue entry is shipped.

    A cached file is valid for one content of config.json and one version of transformers and
    torch. An unreadable file is replaced. Exceptions of `trace` are passed on.
    """
    entry = checkpoint.entry or entry_of_same_architecture(checkpoint.config_file)
    if entry is not None:
        return catalogue_profile(entry)
    key = config_key(checkpoint.config_file, FORMAT, ["transformers", "torch"])
    file = settings.costs / f"{key}.json"
    return read_or_compute(file, read_profile, lambda: trace(checkpoint), write_profile)


@lru_cache(maxsize=32)  # the Freeze page needs it in each rerun
def catalogue_profile(name: str) -> CostProfile:
    """The shipped profile of catalogue entry `name`."""
    return read_profile(shipped_profile(name))


def shipped_profile(name: str) -> Path:
    """The path of the shipped profile of catalogue entry `name`."""
    return _SHIPPED / f"{name}.json"


def read_profile(file: Path) -> CostProfile:
    """Read a file written by `write_profile`.

    Raises OSError, or pydantic's ValidationError if the content is not a profile.
    """
    return CostProfile.model_validate_json(file.read_bytes())


def write_profile(file: Path, profile: CostProfile) -> None:
    """Write `profile` atomically, without default values."""
    write_atomically(file, profile.model_dump_json(exclude_defaults=True) + "\n")
