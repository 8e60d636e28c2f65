"""Weight files: whether they are here, safe to read, and the ones they should be.

Only safetensors is read: a pickle file (`.bin`, `.pt`) runs whatever its author put into it.
"""

import hashlib
import json
from pathlib import Path

from mtl_core.errors import DamagedCheckpoint, MissingWeights

EMBEDDED_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the published all-MiniLM-L6-v2 `model.safetensors`. The package that carries the
file is not by its authors, so the file is compared with the published one before every load."""

WEIGHTS_FILE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files `folder` would be loaded from, in order of name; none: empty.

    Raises DamagedCheckpoint if the index of a sharded checkpoint is unreadable, names a file
    outside the folder, or one that is not there.
    """
    if (folder / WEIGHTS_FILE).is_file():
        return (folder / WEIGHTS_FILE,)
    if not (folder / _INDEX).is_file():
        return ()
    shards = _shard_names(folder / _INDEX)
    absent = [name for name in shards if not (folder / name).is_file()]
    if absent:
        raise DamagedCheckpoint(
            f"{_INDEX} in {folder} names {len(shards)} files, but {', '.join(absent)} "
            "is not there. Download or copy the checkpoint again."
        )
    return tuple(folder / name for name in shards)


def pickle_files(folder: Path) -> list[str]:
    """Names of the files in `folder` that only pickle can read."""
    return sorted(each.name for each in folder.iterdir() if each.suffix in _PICKLES)


def weights_digest(folder: Path) -> str:
    """SHA-256 of the weights in `folder`: of the file, or of `name digest` lines of its shards.

    Raises MissingWeights if there are none, DamagedCheckpoint as `weight_files` does.
    """
    files = weight_files(folder)
    if not files:
        raise MissingWeights(f"{folder} holds no {WEIGHTS_FILE}, so its weights have no digest.")
    if len(files) == 1 and files[0].name == WEIGHTS_FILE:
        return _sha256(files[0])
    lines = "".join(f"{each.name} {_sha256(each)}\n" for each in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def verify_digest(file: Path, expected: str) -> None:
    """Raise DamagedCheckpoint unless the SHA-256 of `file` is `expected`."""
    found = _sha256(file)
    if found != expected:
        raise DamagedCheckpoint(
            f"{file} is not the published file: its SHA-256 is {found}, expected {expected}. "
            "It was changed or cut short; install the package that carries it again."
        )


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _shard_names(index: Path) -> tuple[str, ...]:
    try:
        names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
        well_named = bool(names) and all(Path(name).name == name for name in names)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedCheckpoint(
            f"{index} is not an index of weight files ({type(error).__name__}). "
            "Download or copy the checkpoint again."
        ) from None
    if not well_named or not all(name.endswith(".safetensors") for name in names):
        raise DamagedCheckpoint(
            f"{index} must name safetensors files in its own folder; it names {names[:3]}."
        )
    return tuple(names)
