"""Proof that frozen tensors do not change: the SHA-256 of each, before and after training."""

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from mtl_core.errors import FreezeBroken
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.stored_tensors import read_tensors
from mtl_core.training.memory import is_mapped, release_mapped_pages

_PIECE_BYTES = 4 * 2**20
"""Pages of larger tensors are released: in a small encoder, those of the word embedding alone."""


def tensor_digest(tensor: Tensor) -> str:
    """Return the SHA-256 over a tensor's bytes, dtype and shape.

    Pages that were read from a mapped weight file are released piece by piece.
    """
    digest = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
    content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    releases = len(content) > _PIECE_BYTES and is_mapped(content)
    for start in range(0, len(content), _PIECE_BYTES):
        end = start + _PIECE_BYTES
        digest.update(content[start:end].numpy().data)
        if releases:
            release_mapped_pages(content[:end])  # from 0: the page at a cut is released next time
    return digest.hexdigest()


def digests(tensors: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, str]:
    """Return the digest of each tensor in `names`, computed with torch's number of threads."""
    names = tuple(names)
    largest_first = sorted(names, key=lambda name: -tensors[name].numel())
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        ordered = (tensors[name] for name in largest_first)
        found = dict(zip(largest_first, threads.map(tensor_digest, ordered), strict=True))
    return {name: found[name] for name in names}


def fixed_names(table: ParameterTable) -> frozenset[str]:
    """Return the unique tensors that must not change in this phase: frozen and unreached ones."""
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
    """Raise FreezeBroken unless each tensor in `folder` has its digest of `at_start`.

    Backbone tensors and `loaded_heads` are also compared with the file in `source` that they were
    loaded from (None: random weights). Other heads of the same name in a checkpoint are unrelated.
    """
    names = [name for name in at_start if name.startswith(f"{prefix}.") or name in loaded_heads]
    loaded = file_digests(source, names, prefix) if source else {}
    written = file_digests(folder, at_start, prefix)
    require_identical({**at_start, **loaded}, written, "in the written file")


def file_digests(folder: Path, names: Iterable[str], prefix: str) -> dict[str, str]:
    """Return the digest of each tensor in `names`, as float32, from the weight files of `folder`.

    Names in the files may lack the backbone's `prefix`. Missing tensors are omitted.
    """
    tensors = read_tensors(folder, names, prefix)
    return {name: tensor_digest(tensor.float()) for name, tensor in tensors}
