"""The tensors of an encoder without its modules, for runs that may need no pass through it.

transformers' model classes take two seconds to import. Heads that learn on stored outputs need the
encoder's configuration and tensors, whose digests prove that they do not change, but no module.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from mtl_core.models.description import BackboneDescription
from mtl_core.models.weights import weight_files

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

    Their names lack the encoder's prefix. None unless the files contain every tensor by this name,
    with or without the prefix, in its shape and in float32: transformers can then load more.
    """
    from safetensors import SafetensorError, safe_open

    prefix = f"{described.prefix}."
    found: dict[str, Tensor] = {}
    try:
        for file in weight_files(folder):
            with safe_open(file, framework="pt") as tensors:
                for key in tensors.keys():  # noqa: SIM118 - no mapping
                    found[key.removeprefix(prefix)] = tensors.get_tensor(key)
    except (OSError, SafetensorError):  # `load_backbone` explains what is damaged
        return None
    named = {each.name.removeprefix(prefix): each for each in described.tensors}
    if any(each.tied_to is not None for each in described.tensors):
        return None
    fit = all(
        name in found
        and tuple(found[name].shape) == each.shape
        and found[name].dtype is torch.float32
        for name, each in named.items()
    )
    return {name: found[name] for name in named} if fit else None
