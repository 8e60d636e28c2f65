"""The tensors of an encoder without its modules, for runs that may need no pass through it.

transformers' model classes take two seconds to import. Heads that learn on stored outputs need the
encoder's configuration and tensors, whose digests prove that they do not change, but no module.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mtl_core.errors import DamagedCheckpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.models.stored_tensors import (
    left_over,
    names_in_table,
    read_tensors,
    stored_types,
)

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


class DeferredBackbone(nn.Module):
    """Parameters with the names and values of an encoder, and its configuration.

    `tensors` have the names of the encoder's parameters, without its prefix. `load` returns the
    encoder itself with the same values.
    """

    def __init__(
        self,
        config: "PreTrainedConfig",
        prefix: str,
        tensors: Mapping[str, Tensor],
        load: Callable[[], "PreTrainedModel"],
    ) -> None:
        super().__init__()
        self.config, self.base_model_prefix, self._load = config, prefix, load
        for name, tensor in tensors.items():
            *path, leaf = name.split(".")
            owner: nn.Module = self
            for part in path:
                if part not in owner._modules:
                    owner.add_module(part, nn.Module())
                owner = owner.get_submodule(part)
            owner.register_parameter(leaf, nn.Parameter(tensor))
        self.eval()

    def build(self) -> "PreTrainedModel":
        """Load the encoder, in evaluation mode, with the parameters of this module in it."""
        built = self._load()
        for name, parameter in self.named_parameters():
            path, _, leaf = name.rpartition(".")
            setattr(built.get_submodule(path), leaf, parameter)
        return built


def encoder_tensors(folder: Path, described: BackboneDescription) -> dict[str, Tensor] | None:
    """Read the tensors of a checkpoint that `described` lists, mapped from the files in `folder`.

    Their names lack the encoder's prefix. None unless the files contain every tensor in its shape
    and in float32, and no other tensor of the encoder: `load_backbone` can then load or refuse it.
    """
    from safetensors import SafetensorError

    prefix, tied = described.prefix, any(each.tied_to is not None for each in described.tensors)
    shapes = {each.name: each.shape for each in described.tensors}
    try:
        types = stored_types(folder)
        stored = names_in_table(types, shapes, prefix)
        left = left_over(types.keys() - stored.keys(), types, shapes, prefix)
        if tied or left.encoder or sorted(stored.values()) != sorted(shapes):
            return None
        found = dict(read_tensors(folder, shapes, prefix))
    except (OSError, SafetensorError, DamagedCheckpoint):  # `load_backbone` explains the damage
        return None
    fit = all(
        tuple(found[name].shape) == shape and found[name].dtype is torch.float32
        for name, shape in shapes.items()
    )
    return {name.removeprefix(f"{prefix}."): found[name] for name in shapes} if fit else None
