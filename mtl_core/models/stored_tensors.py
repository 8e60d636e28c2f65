"""The tensors in weight files: which are the encoder's, and which are left over.

A name in a file may lack the encoder's prefix, which the task models of transformers add, or have
the LayerNorm names of TensorFlow.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mtl_core.errors import DamagedCheckpoint
from mtl_core.models.base_weights import tensor_files
from mtl_core.models.weights import read_header, tensor_entries, weight_files

if TYPE_CHECKING:
    from torch import Tensor

_SHOWN = 3
_POOLER = "pooler"
_CHECK = "Check that config.json and the weights belong together, or download the checkpoint again."
_NUMBERED = re.compile(r"(.+?)\.(\d+)\.")
_TENSORFLOW_NAMES = {"gamma": "weight", "beta": "bias"}
_COMPUTED = ("inv_freq",)
"""Buffers that older versions of transformers stored, and newer ones compute. Those of integers are
recognised by their type."""


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Names of stored tensors that the encoder lacks.

    Without those in `encoder`, it computes another function. The last hidden state does not depend
    on `others`: heads, poolers and buffers.
    """

    encoder: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def stored_types(folder: Path) -> dict[str, str]:
    """The type of each tensor in the weight files of `folder`, e.g. `F32`, by its name there.

    Only the files' headers are read, without torch. Raises DamagedCheckpoint, and MissingWeights as
    `tensor_files` does.
    """
    found: dict[str, str] = {}
    for each in tensor_files(folder):
        file = each.path
        try:
            entries = tensor_entries(read_header(file)[0])
            names = each.names(entries)
            found |= {name: str(entries[key]["dtype"]) for key, name in names.items()}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DamagedCheckpoint(
                f"{file} cannot be read: {error}. Download or copy the checkpoint again."
            ) from None
    return found


def names_in_table(stored: Iterable[str], names: Iterable[str], prefix: str) -> dict[str, str]:
    """By stored name, the name in the parameter table; without those that are none of `names`."""
    names = frozenset(names)
    by_bare = {name.removeprefix(f"{prefix}."): name for name in names}
    found: dict[str, str] = {}
    for key in stored:
        bare = key.removeprefix(f"{prefix}.")
        name = key if key in names else by_bare.get(bare) or by_bare.get(_renamed(bare))
        if name is not None:
            found[key] = name
    return found


def read_tensors(folder: Path, names: Iterable[str], prefix: str) -> Iterator[tuple[str, "Tensor"]]:
    """Yield each of `names` that is in the weight files of `folder`, once, with its tensor.

    The order is that of the files. Of two names for one tensor, the first is read;
    `require_one_value` ensures that their tensors are equal. Raises OSError and SafetensorError.
    """
    yielded: set[str] = set()
    for name, tensor in _read(folder, names, prefix):
        if name not in yielded:
            yielded.add(name)
            yield name, tensor


def all_tensors(folder: Path) -> dict[str, "Tensor"]:
    """Every tensor of the model in `folder`, by its name there.

    Raises the exceptions of `tensor_files`, OSError and SafetensorError.
    """
    from safetensors import safe_open

    found: dict[str, Tensor] = {}
    for file in tensor_files(folder):
        with safe_open(file.path, framework="pt") as tensors:
            names = file.names(tensors.keys())
            found |= {name: tensors.get_tensor(key) for key, name in names.items()}
    return found


def equal_tensors(folder: Path, tensors: Mapping[str, "Tensor"], prefix: str) -> dict[str, str]:
    """Find the encoder's tensors that are stored in `folder` with the same bytes, as float32.

    Returns their stored names, by name in `tensors`. Raises OSError and SafetensorError.
    """
    import torch
    from safetensors import safe_open

    names = [name for name in tensors if name.startswith(f"{prefix}.")]
    found: dict[str, str] = {}
    for file in weight_files(folder):
        with safe_open(file, framework="pt") as stored:
            for key, name in names_in_table(stored.keys(), names, prefix).items():
                ours, theirs = tensors[name].detach().cpu(), stored.get_tensor(key)
                comparable = ours.dtype == theirs.dtype == torch.float32
                if comparable and ours.shape == theirs.shape and _same_bytes(ours, theirs):
                    found.setdefault(name, key)
    return found


def require_one_value(folder: Path, names: Iterable[str], prefix: str) -> None:
    """Raise DamagedCheckpoint if a tensor is stored under two names with different values.

    transformers would load the name that comes first in the alphabet.
    """
    stored_as: dict[str, list[str]] = defaultdict(list)
    for key, name in names_in_table(stored_types(folder), names, prefix).items():
        stored_as[name].append(key)
    twice = [name for name, keys in stored_as.items() if len(keys) > 1]
    first: dict[str, Tensor] = {}
    for name, tensor in _read(folder, twice, prefix):
        other = first.setdefault(name, tensor)
        if other.shape != tensor.shape or not bool((other == tensor).all()):
            raise DamagedCheckpoint(
                f"The weights in {folder} have different values under two names of one tensor: "
                f"{' and '.join(stored_as[name])}. Which of them is the encoder's is unknown. "
                "Delete the other, or download the checkpoint again."
            )


def names_not_finite(folder: Path, names: Iterable[str], prefix: str) -> tuple[str, ...]:
    """Those of `names` whose stored tensor has a NaN or an infinite value."""
    tensors = read_tensors(folder, names, prefix)
    return tuple(name for name, tensor in tensors if not bool(tensor.isfinite().all()))


def left_over(
    unused: Iterable[str], types: Mapping[str, str], names: Iterable[str], prefix: str
) -> LeftOver:
    """Sort stored names that the encoder does not read.

    `types` has all stored names, `names` are those of the encoder in the parameter table. If some
    stored names have the encoder's prefix, those with it are inside the encoder. Otherwise those
    that begin like a tensor of the encoder are (`embeddings.`, `encoder.`). Computed buffers are
    left out: they are computed again.
    """
    start = f"{prefix}."
    prefixed = any(key.startswith(start) for key in types)
    roots = {name.removeprefix(start).partition(".")[0] for name in names} - {_POOLER}

    def is_encoders(key: str) -> bool:
        root, _, _ = key.removeprefix(start).partition(".")
        return key.startswith(start) and root != _POOLER if prefixed else root in roots

    keys = sorted(key for key in unused if not _is_computed(key, types.get(key, "")))
    encoder = tuple(filter(is_encoders, keys))
    return LeftOver(encoder, tuple(key for key in keys if key not in encoder))


def counted(names: Sequence[str]) -> str:
    """`1 tensor`, `32 tensors`."""
    return f"{len(names)} tensor{'' if len(names) == 1 else 's'}"


def shown(names: Sequence[str]) -> str:
    """The first names and the number of the others."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def refusal(left: Sequence[str], names: Iterable[str], prefix: str) -> str:
    """Describe tensors of the encoder that are left over, with the layers that are too many."""
    return (
        f"{counted(left)} inside the encoder that config.json does not define: "
        f"{shown(left)}. Without them it would compute another function. "
        f"{_too_many_layers(left, names, prefix) or _CHECK}"
    )


def parts_in_words(keys: Iterable[str], prefix: str) -> str:
    """List stored tensors by their outermost module: `cls (7 tensors), embeddings.position_ids`."""
    bare = [key.removeprefix(f"{prefix}.") for key in keys]
    modules = Counter(key.partition(".")[0] for key in bare)
    single = {key.partition(".")[0]: key for key in bare}
    return ", ".join(
        f"{module} ({count} tensors)" if count > 1 else single[module]
        for module, count in modules.items()
    )


def _too_many_layers(left: Sequence[str], names: Iterable[str], prefix: str) -> str | None:
    """State both numbers of layers if the first stack of the file is longer than the encoder's."""
    defined, surplus = (_numbers(each, prefix) for each in (names, left))
    stack = next((stack for stack in surplus if stack in defined), None)
    if stack is None or defined[stack] & surplus[stack]:
        return None
    layers = f"{len(defined[stack])} layer{'' if len(defined[stack]) == 1 else 's'}"
    return (
        f"config.json defines {layers} ({stack}), the weights have "
        f"{len(defined[stack] | surplus[stack])}. Correct the number of layers in config.json; for "
        f"an encoder of {layers}, load it in transformers and save it with "
        "save_pretrained()."
    )


def _numbers(names: Iterable[str], prefix: str) -> dict[str, set[int]]:
    """The numbers of the modules in each numbered stack, e.g. {"encoder.layer": {0, 1}}."""
    found: dict[str, set[int]] = defaultdict(set)
    for name in names:
        if numbered := _NUMBERED.match(name.removeprefix(f"{prefix}.")):
            found[numbered[1]].add(int(numbered[2]))
    return found


def _read(folder: Path, names: Iterable[str], prefix: str) -> Iterator[tuple[str, "Tensor"]]:
    """Yield name and tensor of each stored tensor that is one of `names`."""
    from safetensors import safe_open

    names = frozenset(names)
    for file in tensor_files(folder) if names else ():
        with safe_open(file.path, framework="pt") as tensors:
            stored = {name: key for key, name in file.names(tensors.keys()).items()}
            for own, name in names_in_table(stored, names, prefix).items():
                yield name, tensors.get_tensor(stored[own])


def _same_bytes(one: "Tensor", other: "Tensor") -> bool:
    """Whether two float32 tensors of one shape are equal to the bit."""
    import torch

    return torch.equal(*(each.contiguous().view(torch.int32) for each in (one, other)))


def _renamed(bare: str) -> str:
    """A name of TensorFlow's LayerNorm as torch's."""
    module, _, last = bare.rpartition(".")
    return f"{module}.{_TENSORFLOW_NAMES.get(last, last)}"


def _is_computed(key: str, kind: str) -> bool:
    return kind.startswith(("I", "U", "BOOL")) or key.endswith(_COMPUTED)
