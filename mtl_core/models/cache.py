"""Descriptions that were made before: shipped for the catalogue, kept on disk for the rest.

A description costs a second and torch to make and two milliseconds to read.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from mtl_core.errors import DamagedCheckpoint
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.settings import Settings

FORMAT = 1
"""Raised whenever a description of the same configuration would come out differently."""

_SHIPPED = Path(__file__).with_name("descriptions")


def description_of(
    checkpoint: Checkpoint,
    settings: Settings,
    describe: Callable[[Checkpoint], BackboneDescription],
) -> BackboneDescription:
    """The description of `checkpoint`: shipped, kept from before, or made by `describe` and kept.

    What is kept holds for one content of config.json and one version of transformers. A kept
    file that cannot be read is made again; a folder that cannot be written costs only time.
    Raises what `describe` raises.
    """
    if checkpoint.entry is not None:
        return read_description(shipped_description(checkpoint.entry))
    key = config_key(checkpoint.config_file, FORMAT, ["transformers"])
    file = settings.descriptions / f"{key}.json"
    with suppress(OSError, ValidationError):
        return read_description(file)
    description = describe(checkpoint)
    with suppress(OSError):
        write_description(file, description)
    return description


def shipped_description(name: str) -> Path:
    """The file that ships with the product for the catalogue entry `name`."""
    return _SHIPPED / f"{name}.json"


def read_description(file: Path) -> BackboneDescription:
    """A description as `write_description` wrote it.

    Raises OSError, or pydantic's ValidationError if the file holds anything else.
    """
    return BackboneDescription.model_validate_json(file.read_bytes())


def write_description(file: Path, description: BackboneDescription) -> None:
    """Write `description` whole or not at all: one line a tensor, defaults left out."""
    values = description.model_dump(mode="json", exclude_defaults=True)
    tensors = ",\n".join(_compact(tensor) for tensor in values.pop("tensors"))
    text = f'{_compact(values)[:-1]},"tensors":[\n{tensors}\n]}}\n'
    write_whole(file, text)


def write_whole(file: Path, text: str) -> None:
    """Write a file whole or not at all, its folder made if need be. Raises OSError."""
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
    """A name for what was made from this content of config.json, in this form, by these versions.

    Raises DamagedCheckpoint if the file cannot be read.
    """
    try:
        content = config_file.read_bytes()
    except OSError as error:
        raise DamagedCheckpoint(f"{config_file} cannot be read: {error.strerror}.") from None
    made_by = "".join(f"{each}\n" for each in (form, *map(version, packages)))
    return hashlib.sha256(made_by.encode() + content).hexdigest()
