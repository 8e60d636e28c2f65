"""Finds the layers of a backbone by observing one forward pass, independent of module names.

The layer stack is the list of modules of one class whose members are called in order, as often in
total as the configuration has layers. If layers share weights (ALBERT), the list is shorter than
the depth and its members are called repeatedly.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.architecture import example_input, quiet_transformers

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class LayerStack:
    """The layers of a backbone.

    `container` is the dotted path of their nn.ModuleList (`encoder.layer`), `paths` those of its
    members bottom to top, both without the backbone's prefix. `depth` is how many layers a token
    passes through.
    """

    container: str
    paths: tuple[str, ...]
    depth: int

    @property
    def shared(self) -> bool:
        """Whether layers share weights."""
        return len(self.paths) < self.depth

    def layer_of(self, name: str) -> int | None:
        """The layer of the parameter or module `name`, counted from 0 at the bottom, or None."""
        if not name.startswith(f"{self.container}."):
            return None
        return int(name.removeprefix(f"{self.container}.").partition(".")[0])


def find_stack(model: "PreTrainedModel", input_ids: torch.Tensor | None = None) -> LayerStack:
    """Finds the layer stack of a bare backbone with one forward pass in evaluation mode.

    input_ids: (1, tokens); None: example tokens. The model may be on the meta device.
    Raises UnsupportedArchitecture that lists the module lists if none of them is the stack, or if
    several of them are.
    """
    lists = _module_lists(model)
    calls = _calls(model, lists, example_input(model) if input_ids is None else input_ids)
    depth = getattr(model.config, "num_hidden_layers", None)
    stacks = [
        name
        for name, members in lists.items()
        if len(calls[name]) == depth
        and calls[name] == sorted(calls[name])
        and set(calls[name]) == set(range(len(members)))
    ]
    outermost = [
        name for name in stacks if not any(name.startswith(f"{other}.") for other in stacks)
    ]
    if len(outermost) != 1 or not isinstance(depth, int):
        raise UnsupportedArchitecture(_no_stack(model, lists, calls, outermost, depth))
    container = outermost[0]
    members = range(len(lists[container]))
    return LayerStack(container, tuple(f"{container}.{index}" for index in members), depth)


def _module_lists(model: nn.Module) -> dict[str, nn.ModuleList]:
    """Module lists with members of one class and with parameters, by dotted path."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList)
        and len({type(member) for member in module}) == 1
        and any(True for _ in module.parameters())
    }


def _calls(
    model: "PreTrainedModel", lists: dict[str, nn.ModuleList], input_ids: torch.Tensor
) -> dict[str, list[int]]:
    """For each list, the indices of its members in the order they were called."""
    calls: dict[str, list[int]] = {name: [] for name in lists}
    with evaluating(model), torch.no_grad(), quiet_transformers():
        handles = [
            member.register_forward_pre_hook(
                lambda *_, seen=calls[name], index=index: seen.append(index)
            )
            for name, members in lists.items()
            for index, member in enumerate(members)
        ]
        try:
            model(input_ids=input_ids)
        finally:
            for handle in handles:
                handle.remove()
    return calls


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the context. Modes and everything that a pass changes are restored."""
    with unchanged(model):
        model.eval()
        yield


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Restore at the end what passes inside the context changed in the model's modules.

    BigBird replaces the attention of its layers in the first short pass, and never changes back.
    Parameters are not copied.
    """
    before = [
        (module, dict(vars(module)), dict(module._modules), dict(module._buffers))
        for module in model.modules()
    ]
    try:
        yield
    finally:
        for module, attributes, parts, buffers in before:
            _refill(vars(module), attributes)
            _refill(module._modules, parts)
            _refill(module._buffers, buffers)


def _refill(owned: dict[str, Any], stored: dict[str, Any]) -> None:
    owned.clear()
    owned.update(stored)


def replaces_modules(model: "PreTrainedModel", input_ids: torch.Tensor) -> bool:
    """Whether a pass over input_ids, (1, tokens), replaces modules of the model. It is restored."""
    before = list(model.modules())
    with evaluating(model), torch.no_grad(), quiet_transformers():
        model(input_ids=input_ids)
        return list(model.modules()) != before


def _no_stack(
    model: "PreTrainedModel",
    lists: dict[str, nn.ModuleList],
    calls: dict[str, list[int]],
    found: list[str],
    depth: object,
) -> str:
    kind = model.config.model_type
    if len(found) > 1:
        return (
            f"'{kind}' stores the parts of its layers in several lists ({', '.join(found)}), "
            "so no single module is a layer that can be frozen."
        )
    listed = ", ".join(
        f"{name} ({len(members)} modules, {len(calls[name])} calls)"
        for name, members in lists.items()
    )
    return (
        f"No stack of {depth} layers that are called in order was found in '{kind}'. Its module "
        f"lists: {listed or 'none'}. A direct call of a layer's forward method cannot be observed. "
        "Choose another text encoder, e.g. bert or roberta."
    )
