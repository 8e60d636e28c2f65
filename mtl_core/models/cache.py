"""The cache of model descriptions: shipped for the catalogue, stored on disk for other models.

Computing a description takes torch and about a second; reading one takes milliseconds.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from mtl_core.errors import DamagedCheckpoint
from mtl_core.json_files import read_bounded
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.configuration_limits import require_sizes_in
from mtl_core.models.description import BackboneDescription
from mtl_core.models.same_architecture import entry_of_same_architecture
from mtl_core.settings import Settings

FORMAT = 3
"""Version of the descriptions. Increase it when a description of the same model changes."""

Value = TypeVar("Value")

_SHIPPED = Path(__file__).with_name("descriptions")


def description_of(
    checkpoint: Checkpoint,
    settings: Settings,
    describe: Callable[[Checkpoint], BackboneDescription],
) -> BackboneDescription:
    """The description of `checkpoint`: shipped, cached, or computed by `describe` and cached.

    The shipped ones are also those of other checkpoints with the same architecture. The cache key
    is the content of config.json and the version of transformers. An unreadable cache file is
    computed again. If the cache cannot be written, nothing is stored.
    Raises the exceptions of `describe`, and UnsupportedArchitecture for a size over its limit.
    """
    entry = checkpoint.entry or entry_of_same_architecture(checkpoint.config_file)
    if entry is not None:
        return catalogue_description(entry)
    key = config_key(checkpoint.config_file, FORMAT, ["transformers"])
    file = settings.descriptions / f"{key}.json"

    def compute() -> BackboneDescription:
        require_sizes_in(checkpoint.config_file)  # before torch is imported
        return describe(checkpoint)

    return read_or_compute(file, read_description, compute, write_description)


@lru_cache(maxsize=32)  # pages need it several times in each rerun
def catalogue_description(name: str) -> BackboneDescription:
    """The shipped description of catalogue entry `name`."""
    return read_description(shipped_description(name))


def read_or_compute(
    file: Path,
    read: Callable[[Path], Value],
    compute: Callable[[], Value],
    write: Callable[[Path, Value], object],
) -> Value:
    """Read a cached value, or compute it and write the cache file.

    An unreadable file is replaced; a folder that cannot be written is ignored. Exceptions of
    `compute` are passed on.
    """
    with suppress(OSError, ValidationError):
        return read(file)
    value = compute()
    with suppress(OSError):
        write(file, value)
    return value


def shipped_description(name: str) -> Path:
    """The shipped file for the catalogue entry `name`."""
    return _SHIPPED / f"{name}.json"


def read_description(file: Path) -> BackboneDescription:
    """Reads a description written by `write_description`.

    Raises OSError, or pydantic's ValidationError if the content is invalid.
    """
    return BackboneDescription.model_validate_json(file.read_bytes())


def write_description(file: Path, description: BackboneDescription) -> None:
    """Write `description` atomically as JSON, one line per tensor, without default values."""
    values = description.model_dump(mode="json", exclude_defaults=True)
    tensors = ",\n".join(_compact(tensor) for tensor in values.pop("tensors"))
    text = f'{_compact(values)[:-1]},"tensors":[\n{tensors}\n]}}\n'
    write_atomically(file, text)


def write_atomically(file: Path, text: str) -> None:
    """Write a file atomically; its folder is created if needed. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=file.parent, prefix=file.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
        Path(unfinished).chmod(0o644)
        Path(unfinished).replace(file)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def config_key(config_file: Path, form: int, packages: Sequence[str]) -> str:
    """A cache key: hash of config.json, the format version `form` and the package versions.

    Raises DamagedCheckpoint if the file cannot be read.
    """
    try:
        content = read_bounded(config_file)
    except OSError as error:
        raise DamagedCheckpoint(f"{config_file} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise DamagedCheckpoint(f"{config_file} cannot be read: {error}.") from None
    versions = "".join(f"{each}\n" for each in (form, *map(version, packages)))
    return hashlib.sha256(versions.encode() + content).hexdigest()
