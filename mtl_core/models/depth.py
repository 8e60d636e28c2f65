"""Where a backbone's layers are: found by watching one forward pass, never by a list of names.

The stack is the list of modules of one class that a token passes through, bottom to top, as
often in all as the configuration says there are layers. Where layers share weights (ALBERT) the
list is shorter than the depth, and its members are called again and again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
        """Whether fewer sets of weights than layers exist."""
        return len(self.paths) < self.depth

    def layer_of(self, name: str) -> int | None:
        """The layer, counted from 0 at the bottom, that the parameter or module `name` is in."""
        if not name.startswith(f"{self.container}."):
            return None
        return int(name.removeprefix(f"{self.container}.").partition(".")[0])


def find_stack(model: "PreTrainedModel", input_ids: torch.Tensor | None = None) -> LayerStack:
    """The stack of layers of a bare backbone, from one forward pass in evaluation mode.

    input_ids: (1, tokens); without it a few tokens are made up. The model may be on the meta
    device. Raises UnsupportedArchitecture, naming the lists of modules found, if none of them is
    the stack or several side by side make it up.
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
        raise UnsupportedArchitecture(_no_stack(model, lists, outermost, depth))
    container = outermost[0]
    members = range(len(lists[container]))
    return LayerStack(container, tuple(f"{container}.{index}" for index in members), depth)


def _module_lists(model: nn.Module) -> dict[str, nn.ModuleList]:
    """The lists whose members are of one class and hold parameters, by dotted path."""
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
    """Evaluation mode for a while; each module gets its own mode back."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _no_stack(
    model: "PreTrainedModel", lists: dict[str, nn.ModuleList], found: list[str], depth: object
) -> str:
    kind = model.config.model_type
    if len(found) > 1:
        return (
            f"'{kind}' keeps the parts of its layers in lists side by side ({', '.join(found)}), "
            "so no single module is a layer that could be frozen."
        )
    listed = ", ".join(f"{name} ({len(members)})" for name, members in lists.items()) or "none"
    return (
        f"No stack of {depth} layers, called one after another, was found in '{kind}'. "
        f"Lists of modules it has: {listed}."
    )
