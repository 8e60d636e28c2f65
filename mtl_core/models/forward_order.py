"""Finds where in a forward pass each parameter is used: before, between or after the layers."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mtl_core.models.architecture import quiet_transformers
from mtl_core.models.layer_stack import LayerStack, evaluating

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FinishedLayers = Mapping[str, int | None]
"""By the name of a parameter, the last layer that had run when it was first used; None: no layer.
A parameter that is not used is not listed."""


def finished_layers(
    model: "PreTrainedModel", stack: LayerStack, input_ids: Tensor
) -> FinishedLayers:
    """Return the last layer that had run when each parameter was first used in a forward pass.

    It is the top layer for a norm after the layers, and None for a table of relative positions.
    The order of operators decides, because tables are often read without a call of their module.
    input_ids: (1, tokens). The model may be on the meta device.
    """
    uses = _FirstUses(model)
    with evaluating(model), torch.no_grad(), quiet_transformers():
        handles = [
            model.get_submodule(path).register_forward_hook(
                lambda *_, layer=layer: uses.finish(layer)
            )
            for layer, path in enumerate(stack.paths)
        ]
        try:
            with uses:
                model(input_ids=input_ids)
        finally:
            for handle in handles:
                handle.remove()
    return uses.found


class _FirstUses(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the first operator that each parameter is an argument of."""

    def __init__(self, model: "PreTrainedModel") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._names = {id(each): name for name, each in model.named_parameters()}
        self._finished: int | None = None
        self.found: dict[str, int | None] = {}

    def finish(self, layer: int) -> None:
        """Record that a layer has run."""
        self._finished = layer

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for each in tree_leaves((args, kwargs)):
            if id(each) in self._names:
                self.found.setdefault(self._names[id(each)], self._finished)
        return func(*args, **kwargs)
