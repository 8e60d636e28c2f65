"""The last layer at the positions that are read, and at no others.

A sentence head reads one token, a token head the first sub-word of each word. Attention needs every
token; what follows it in a layer acts on each position alone, so in the last layer it can be left
out where nothing reads its result. Where that part begins is found by trying, never by name.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from mtl_core.models.depth import evaluating, find_stack

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOLERANCE = 1e-5
"""How far a narrowed state may be from the whole model's, in parts of its largest value."""


@dataclass
class Narrowed:
    """Whether the pass that ran met the module where it narrows."""

    happened: bool = False


class NarrowedTop:
    """A backbone whose last layer can be run at some positions alone.

    `input_ids` and `attention_mask`, (batch, tokens), are what the place to narrow at is tried on:
    two sentences or more, one of them padded. Where the architecture has no such place, or layers
    share their weights, every position runs.
    """

    def __init__(self, model: "PreTrainedModel", input_ids: Tensor, attention_mask: Tensor) -> None:
        self._model = model
        self._ids, self._mask = input_ids, attention_mask
        self._begins = self._first_that_agrees()

    @property
    def begins_at(self) -> str | None:
        """The path of the first module that runs at the read positions alone; None: no such one."""
        named = self._model.named_modules()
        return next((path for path, module in named if module is self._begins), None)

    @contextmanager
    def reading(self, positions: Tensor) -> Iterator[Narrowed]:
        """Narrow the passes that run meanwhile to `positions`: (n,), counted through the batch.

        A pass that narrowed gives (1, n, hidden), in the order of `positions`.
        """
        told = Narrowed()
        if self._begins is None:
            yield told
            return
        with _narrowing(self._begins, positions, told):
            yield told

    def _first_that_agrees(self) -> nn.Module | None:
        stack = find_stack(self._model)
        if stack.shared:
            return None
        last = self._model.get_submodule(stack.paths[-1])
        positions = self._mask.flatten().nonzero().flatten()[1::2]
        with evaluating(self._model), torch.no_grad(), torch.random.fork_rng(devices=[]):
            order, whole = self._watched(last)
            wanted = whole.flatten(0, 1).index_select(0, positions)
            return next((each for each in order if self._agrees(each, positions, wanted)), None)

    def _watched(self, last: nn.Module) -> tuple[list[nn.Module], Tensor]:
        """The modules inside `last` in the order of their calls, and the last hidden state."""
        order: list[nn.Module] = []
        handles = [
            module.register_forward_pre_hook(lambda module, _: order.append(module))
            for module in last.modules()
            if module is not last
        ]
        try:
            whole = self._run()
        finally:
            for handle in handles:
                handle.remove()
        return order, whole

    def _agrees(self, module: nn.Module, positions: Tensor, wanted: Tensor) -> bool:
        told = Narrowed()
        try:
            with _narrowing(module, positions, told):
                found = self._run()
        except Exception:  # whatever a foreign forward pass raises on another shape
            return False
        return (
            told.happened
            and found.shape == (1, *wanted.shape)
            and bool((found[0] - wanted).abs().max() <= TOLERANCE * wanted.abs().max())
        )

    def _run(self) -> Tensor:
        output = self._model(input_ids=self._ids, attention_mask=self._mask)
        hidden: Tensor = output.last_hidden_state
        return hidden


@contextmanager
def _narrowing(module: nn.Module, positions: Tensor, told: Narrowed) -> Iterator[None]:
    """Hand `module` its inputs at `positions` alone, for a while."""

    def narrow(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        told.happened = True
        narrowed = {key: _at(value, positions) for key, value in kwargs.items()}
        return tuple(_at(value, positions) for value in args), narrowed

    handle = module.register_forward_pre_hook(narrow, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def _at(value: Any, positions: Tensor) -> Any:
    """(1, n, hidden) from (batch, tokens, hidden); anything else as it is."""
    if not isinstance(value, Tensor) or value.dim() != 3:
        return value
    return value.flatten(0, 1).index_select(0, positions).unsqueeze(0)
