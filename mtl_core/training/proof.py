"""Proof that frozen means frozen: each tensor's SHA-256, before and after."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from mtl_core.errors import FreezeBroken
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.weights import weight_files
from mtl_core.training.mapped_pages import let_go_of_pages

_PIECE_BYTES = 4 * 2**20
"""Tensors up to this size, all of a small encoder's but its word embedding, may stay in memory."""


def tensor_digest(tensor: Tensor) -> str:
    """SHA-256 over a tensor's bytes, dtype and shape.

    What had to be read of a mapped weight file for that is let go of, piece by piece.
    """
    digest = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
    content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    for start in range(0, len(content), _PIECE_BYTES):
        end = start + _PIECE_BYTES
        digest.update(content[start:end].numpy().data)
        if len(content) > _PIECE_BYTES:
            let_go_of_pages(content[:end])  # all so far: a page at a cut is let go of next time
    return digest.hexdigest()


def digests(parameters: Mapping[str, nn.Parameter], names: Iterable[str]) -> dict[str, str]:
    """The digest of each parameter named."""
    return {name: tensor_digest(parameters[name]) for name in names}


def still_names(table: ParameterTable) -> frozenset[str]:
    """Unique tensors that may not move in this phase: frozen ones, and unreached ones."""
    rows = (row for row in table.rows if row.tied_to is None)
    return frozenset(row.name for row in rows if row.state is not State.TRAINABLE)


def require_identical(before: Mapping[str, str], after: Mapping[str, str], where: str) -> None:
    """Raise FreezeBroken, naming the tensors, unless both hold the same digests."""
    changed = sorted(name for name in before if after.get(name) != before[name])
    if changed:
        shown = ", ".join(changed[:3]) + (", …" if len(changed) > 3 else "")
        raise FreezeBroken(
            f"{len(changed)} of {len(before)} tensors that were frozen changed {where}: {shown}. "
            "This is a fault of Freeze Lab; the run's result cannot be trusted."
        )


def require_written(
    folder: Path,
    at_start: Mapping[str, str],
    prefix: str,
    source: Path | None,
    loaded_heads: frozenset[str] = frozenset(),
) -> None:
    """Raise FreezeBroken unless the weights in `folder` hold each tensor as it was `at_start`.

    Backbone tensors are held against the file in `source` too, which they were loaded from; None:
    they were drawn. Of heads only `loaded_heads` are: any other of the same name in a checkpoint
    is another tensor.
    """
    names = [name for name in at_start if name.startswith(f"{prefix}.") or name in loaded_heads]
    loaded = file_digests(source, names, prefix) if source else {}
    written = file_digests(folder, at_start, prefix)
    require_identical({**at_start, **loaded}, written, "in the written file")


def file_digests(folder: Path, names: Iterable[str], prefix: str) -> dict[str, str]:
    """The digest of each tensor named, as float32, read from the weight files of `folder`.

    A file may bear the names with or without the backbone's `prefix`; a name it lacks is left
    out.
    """
    from safetensors import safe_open

    wanted = {alias: name for name in names for alias in (name.removeprefix(f"{prefix}."), name)}
    found: dict[str, str] = {}
    for file in weight_files(folder):
        with safe_open(file, framework="pt") as tensors:
            for key in tensors.keys():  # noqa: SIM118 - no mapping
                if key in wanted:
                    found[wanted[key]] = tensor_digest(tensors.get_tensor(key).float())
    return found
