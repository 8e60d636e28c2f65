"""Computes the last layer only at the positions that the heads read.

A sentence head reads one token, a token head the first sub-word of each word. Attention needs all
tokens, but the rest of a layer acts on each position separately. In the last layer it can skip
positions that no head reads. The first module of that part is found by trial, not by name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mtl_core.models.layer_stack import evaluating, find_stack

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOLERANCE = 1e-5
"""Maximum deviation of a narrowed state, relative to the largest value of the full output."""


@dataclass
class Narrowed:
    """Whether a forward pass was narrowed."""

    happened: bool = False


class NarrowedTop:
    """A backbone whose last layer can be computed at selected positions only.

    `input_ids` and `attention_mask`, (batch, tokens), are the example for the trial: at least two
    sentences, one of them padded. `first_module` is the first module that runs at the selected
    positions only. It is None if the architecture has no such module or its layers share weights;
    all positions are then computed.
    """

    def __init__(self, model: "PreTrainedModel", input_ids: Tensor, attention_mask: Tensor) -> None:
        self._model = model
        self._ids, self._mask = input_ids, attention_mask
        self.first_module = self._find_first_module()

    @contextmanager
    def reading(self, positions: Tensor) -> Iterator[Narrowed]:
        """Narrows forward passes inside the context to `positions`: (n,), indices into the batch.

        A narrowed pass returns (1, n, hidden) in the order of `positions`.
        """
        narrowed = Narrowed()
        if self.first_module is None:
            yield narrowed
            return
        with _narrowing(self.first_module, positions, narrowed):
            yield narrowed

    def _find_first_module(self) -> nn.Module | None:
        stack = find_stack(self._model)
        if stack.shared:
            return None
        last = self._model.get_submodule(stack.paths[-1])
        positions = self._mask.flatten().nonzero().flatten()[1::2]
        with evaluating(self._model), torch.no_grad(), torch.random.fork_rng(devices=[]):
            order, full = self._called_modules(last)
            expected = full.flatten(0, 1).index_select(0, positions)
            return next((each for each in order if self._agrees(each, positions, expected)), None)

    def _called_modules(self, last: nn.Module) -> tuple[list[nn.Module], Tensor]:
        """The submodules of `last` in call order, and the last hidden state."""
        order: list[nn.Module] = []
        handles = [
            module.register_forward_pre_hook(lambda module, _: order.append(module))
            for module in last.modules()
            if module is not last
        ]
        try:
            full = self._run()
        finally:
            for handle in handles:
                handle.remove()
        return order, full

    def _agrees(self, module: nn.Module, positions: Tensor, expected: Tensor) -> bool:
        narrowed = Narrowed()
        try:
            with _narrowing(module, positions, narrowed):
                found = self._run()
        except Exception:  # third-party forward passes raise any exception
            return False
        return (
            narrowed.happened
            and found.shape == (1, *expected.shape)
            and bool((found[0] - expected).abs().max() <= TOLERANCE * expected.abs().max())
        )

    def _run(self) -> Tensor:
        output = self._model(input_ids=self._ids, attention_mask=self._mask)
        hidden: Tensor = output.last_hidden_state
        return hidden


@contextmanager
def _narrowing(module: nn.Module, positions: Tensor, narrowed: Narrowed) -> Iterator[None]:
    """Inside the context, `module` receives its inputs at `positions` only."""

    def narrow(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        narrowed.happened = True
        selected = {key: _select(value, positions) for key, value in kwargs.items()}
        return tuple(_select(value, positions) for value in args), selected

    handle = module.register_forward_pre_hook(narrow, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _select(value: Any, positions: Tensor) -> Any:
    """(1, n, hidden) from (batch, tokens, hidden); other values are returned unchanged."""
    if not isinstance(value, Tensor) or value.dim() != 3:
        return value
    return value.flatten(0, 1).index_select(0, positions).unsqueeze(0)
