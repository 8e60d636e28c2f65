"""Weight files that contain only the tensors in which a model differs from its checkpoint.

`learned.safetensors` has those tensors. `base.json` beside it identifies the checkpoint by the
SHA-256 of its weights, and lists the tensors that are read from it. This module does not import
torch: the other tensors are float32 in the checkpoint, so that merging only copies bytes.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from mtl_core.errors import CheckpointError, DamagedCheckpoint, MissingWeights
from mtl_core.file_access import ANY_FILE
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.weights import (
    LEARNED_FILE,
    WEIGHTS_FILE,
    files_digest,
    read_header,
    tensor_entries,
    weight_files,
)
from mtl_core.values import Frozen

BASE_FILE = "base.json"

_PIECE_BYTES = 4 * 2**20
_LARGEST_FIRST = ("I64", "U64", "F64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16")
"""The order of types in a safetensors file; those of one byte and less come last."""


class Base(Frozen):
    """The checkpoint that a saved model reads tensors from.

    `name` is its catalogue name or id on the hub, None for a folder. `folder` is where its files
    were, `digest` the SHA-256 of its weights. `tensors` has the names in its files, by the name in
    the model.
    """

    name: str | None
    folder: Path
    digest: str
    tensors: dict[str, str]

    @property
    def title(self) -> str:
        """The name by which messages refer to the checkpoint."""
        return f"'{self.name or self.folder.name}'"


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file with tensors of a model. `renamed` are those to read, with their names in the model.

    None: all of them, under their own names.
    """

    path: Path
    renamed: Mapping[str, str] | None = None

    def names(self, stored: Iterable[str]) -> dict[str, str]:
        """Those of the `stored` names that are read, with their names in the model."""
        if self.renamed is None:
            return {name: name for name in stored}
        return {name: self.renamed[name] for name in stored if name in self.renamed}


def base_of(checkpoint: Checkpoint, tensors: Mapping[str, str]) -> Base:
    """Describe a checkpoint with weights, from which `tensors` will be read."""
    folder = (checkpoint.folder or checkpoint.config_file.parent).resolve()
    name = checkpoint.entry or checkpoint.hub_id
    return Base(name=name, folder=folder, digest=files_digest(folder), tensors=dict(tensors))


def write_base(folder: Path, base: Base) -> None:
    """Write BASE_FILE into `folder`."""
    (folder / BASE_FILE).write_text(f"{base.model_dump_json(indent=2)}\n", encoding="utf-8")


def read_base(folder: Path) -> Base | None:
    """The checkpoint that the model in `folder` reads tensors from; None if it has all of its own.

    Raises DamagedCheckpoint if BASE_FILE is missing or cannot be read.
    """
    if (folder / WEIGHTS_FILE).is_file() or not (folder / LEARNED_FILE).is_file():
        return None
    try:
        return Base.model_validate_json((folder / BASE_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise DamagedCheckpoint(
            f"{folder / BASE_FILE} is missing or damaged ({type(error).__name__}). It names the "
            f"checkpoint that the tensors missing in {LEARNED_FILE} are read from: put it back, or "
            "train the run again."
        ) from None


def base_folder(folder: Path, base: Base, *, verified: bool = True) -> Path:
    """Find the folder with the checkpoint that the model in `folder` reads tensors from.

    Raises MissingWeights if it has gone, and, if it is to be `verified`, DamagedCheckpoint if its
    weights have another SHA-256 than when the model was written.
    """
    found = [each for each in _candidates(base) if _has_weights(each)]
    what = f"{folder} contains {LEARNED_FILE}; its other {len(base.tensors)} tensors are those of"
    if not found:
        raise MissingWeights(
            f"{what} {base.title}, whose weights are no longer at {base.folder}. Put them back "
            f"(SHA-256 {base.digest}), or train the run again."
        )
    if not verified:
        return found[0]
    digests = {each: files_digest(each) for each in found}
    for each, digest in digests.items():
        if digest == base.digest:
            return each
    each, digest = next(iter(digests.items()))
    raise DamagedCheckpoint(
        f"{what} {base.title}, whose weights have changed: their SHA-256 in {each} is {digest}, it "
        f"was {base.digest}. Put the original back, or train the run again."
    )


def tensor_files(folder: Path, *, verified: bool = True) -> tuple[WeightFile, ...]:
    """The files with the tensors of the model in `folder`, those of its checkpoint included.

    `verified` is that of `base_folder`, whose MissingWeights and DamagedCheckpoint are raised.
    """
    own = tuple(WeightFile(file) for file in weight_files(folder))
    base = read_base(folder)
    if base is None:
        return own
    renamed = {stored: name for name, stored in base.tensors.items()}
    found = weight_files(base_folder(folder, base, verified=verified))
    return (*own, *(WeightFile(file, renamed) for file in found))


def weights_digest(folder: Path) -> str:
    """SHA-256 of the weights in `folder`, as of one file with all tensors.

    For shards that of the lines `name digest`. Raises MissingWeights if there are none, and the
    exceptions of `tensor_files`.
    """
    if read_base(folder) is None:
        return files_digest(folder)
    digest = hashlib.sha256()
    for piece in whole_file(folder):
        digest.update(piece)
    return digest.hexdigest()


def whole_file(folder: Path) -> Iterator[bytes]:
    """Yield the content of a safetensors file with all tensors of the model in `folder`.

    It is the same to the bit as the file that `safetensors.torch.save_file` writes. Raises the
    exceptions of `tensor_files`.
    """
    parts = _parts(folder)
    yield _header(parts)
    for part in parts:
        with part.file.open("rb") as opened:
            opened.seek(part.start)
            left = part.size_bytes
            while left:
                piece = opened.read(min(left, _PIECE_BYTES))
                if not piece:
                    raise DamagedCheckpoint(f"{part.file} is incomplete. Put the original back.")
                left -= len(piece)
                yield piece


def whole_file_bytes(folder: Path) -> int:
    """The size of the file that `whole_file` yields. No digest is compared."""
    parts = _parts(folder, verified=False)
    return len(_header(parts)) + sum(part.size_bytes for part in parts)


@dataclass(frozen=True, slots=True)
class _Part:
    """A tensor in a file: its name in the model, and where its bytes are."""

    name: str
    kind: str
    shape: tuple[int, ...]
    file: Path
    start: int
    size_bytes: int

    @property
    def order(self) -> tuple[int, str]:
        """The place of the tensor in a safetensors file: by type, then by name."""
        known = self.kind in _LARGEST_FIRST
        return _LARGEST_FIRST.index(self.kind) if known else len(_LARGEST_FIRST), self.name


def _parts(folder: Path, *, verified: bool = True) -> list[_Part]:
    found = []
    for file in tensor_files(folder, verified=verified):
        header, data = read_header(file.path)
        entries = tensor_entries(header)
        for stored, name in file.names(entries).items():
            first, end = entries[stored]["data_offsets"]
            kind, shape = str(entries[stored]["dtype"]), tuple(entries[stored]["shape"])
            found.append(_Part(name, kind, shape, file.path, data + first, end - first))
    return sorted(found, key=lambda part: part.order)


def _header(parts: Iterable[_Part]) -> bytes:
    """The header of a safetensors file: its length in eight bytes, then JSON padded to eight."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for part in parts:
        end = start + part.size_bytes
        offsets = [start, end]
        entries[part.name] = {"dtype": part.kind, "shape": part.shape, "data_offsets": offsets}
        start = end
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _candidates(base: Base) -> Iterator[Path]:
    """Where the checkpoint may be: where it was, and where its name leads to now."""
    yield base.folder
    if base.name is None:
        return
    try:
        folder = resolve_checkpoint(base.name, ANY_FILE).folder
    except CheckpointError:
        return
    if folder is not None and folder.resolve() != base.folder:
        yield folder


def _has_weights(folder: Path) -> bool:
    try:
        return bool(weight_files(folder)) and not (folder / LEARNED_FILE).is_file()
    except (OSError, DamagedCheckpoint):
        return False
