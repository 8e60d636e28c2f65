"""Weight files: finds them, checks that they are safe to read, and verifies their content.

Only safetensors files are read, because a pickle file (`.bin`, `.pt`) can run arbitrary code.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from mtl_core.errors import DamagedCheckpoint, MissingWeights
from mtl_core.json_files import parse_json, read_json

EMBEDDED_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the published all-MiniLM-L6-v2 `model.safetensors`. The package that contains the
file is not by the authors of the model, so the file is verified before every load."""

WEIGHTS_FILE = "model.safetensors"
LEARNED_FILE = "learned.safetensors"
"""The tensors in which a run's model differs from its checkpoint; see `base_weights`."""
_INDEX = "model.safetensors.index.json"
_LENGTH_BYTES, _LONGEST_HEADER = 8, 100_000_000  # the longest that safetensors reads
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files in `folder`, sorted by name; empty if there are none.

    In the folder of a run that is LEARNED_FILE, which may not have all tensors.
    Raises DamagedCheckpoint if the index of a sharded checkpoint is unreadable, refers to a file
    outside the folder, or to a missing file.
    """
    for name in (WEIGHTS_FILE, LEARNED_FILE):
        if (folder / name).is_file():
            return (folder / name,)
    if not (folder / _INDEX).is_file():
        return ()
    shards = _shard_names(folder / _INDEX)
    absent = [name for name in shards if not (folder / name).is_file()]
    if absent:
        raise DamagedCheckpoint(
            f"{_INDEX} in {folder} lists {len(shards)} files, but {', '.join(absent)} "
            "is missing. Download or copy the checkpoint again."
        )
    return tuple(folder / name for name in shards)


def pickle_files(folder: Path) -> list[str]:
    """The names of the pickle files in `folder`."""
    return sorted(each.name for each in folder.iterdir() if each.suffix in _PICKLES)


def files_digest(folder: Path) -> str:
    """SHA-256 of the weight file in `folder`; for shards, of the lines `name digest`.

    Raises MissingWeights if there are none, and the exceptions of `weight_files`.
    """
    files = weight_files(folder)
    if not files:
        raise MissingWeights(f"{folder} has no {WEIGHTS_FILE}, so no digest can be computed.")
    if len(files) == 1 and files[0].name in (WEIGHTS_FILE, LEARNED_FILE):
        return file_digest(files[0])
    lines = "".join(f"{each.name} {file_digest(each)}\n" for each in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def verify_digest(file: Path, expected: str) -> None:
    """Raise DamagedCheckpoint unless the SHA-256 of `file` is `expected`."""
    found = file_digest(file)
    if found != expected:
        raise DamagedCheckpoint(
            f"{file} is not the published file: its SHA-256 is {found}, expected {expected}. "
            "It was changed or is incomplete; install the package that contains it again."
        )


def file_digest(file: Path) -> str:
    """The SHA-256 of a file; computed again in this process only if the file has changed."""
    status = file.stat()
    return _sha256_of(
        file, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    )


@lru_cache(maxsize=32)
def _sha256_of(file: Path, status: tuple[int, ...]) -> str:  # noqa: ARG001 - part of the key
    """The digest of a file, computed again in this process only if its `status` has changed."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def read_header(file: Path) -> tuple[dict[str, Any], int]:
    """The header of a safetensors file, and the offset of the data that follow it.

    The format: eight bytes with the header's length, the header as JSON, the data. Raises OSError
    or ValueError.
    """
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(_LENGTH_BYTES), "little")
        if length > _LONGEST_HEADER:
            raise ValueError(f"its header would have {length:,} bytes")
        header = parse_json(opened.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is no JSON object")
    return header, _LENGTH_BYTES + length


def tensor_entries(header: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of the tensors in the header of a safetensors file."""
    return {name: entry for name, entry in header.items() if name != "__metadata__"}


def _shard_names(index: Path) -> tuple[str, ...]:
    try:
        names = sorted(set(read_json(index)["weight_map"].values()))
        well_named = bool(names) and all(Path(name).name == name for name in names)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedCheckpoint(
            f"{index} is not an index of weight files ({type(error).__name__}). "
            "Download or copy the checkpoint again."
        ) from None
    if not well_named or not all(name.endswith(".safetensors") for name in names):
        raise DamagedCheckpoint(
            f"{index} must list safetensors files in its own folder; it lists {names[:3]}."
        )
    return tuple(names)
