"""Which tensors a task's loss can reach: found by a backward pass, never by name.

BERT's pooler, for one, is trainable and learns nothing from a head on the first token.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from mtl_core.models.architecture import example_input
from mtl_core.tasks.task import TaskKind

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_READS: dict[TaskKind, Callable[[torch.Tensor], torch.Tensor]] = {
    TaskKind.SENTENCE: lambda hidden: hidden[:, 0],
    TaskKind.TOKEN: lambda hidden: hidden,
}
"""What each kind of head reads of the last hidden state, (batch, tokens, hidden)."""


def reach(
    model: "PreTrainedModel", input_ids: torch.Tensor | None = None
) -> dict[str, tuple[TaskKind, ...]]:
    """For each unique parameter of a bare backbone, the kinds of head that send it a gradient.

    A linear head is put on the first token (sentence) or on every token (token) and its output
    summed; a parameter is reached if the backward pass leaves it a gradient, whatever its value:
    one that is always zero counts, for the optimiser moves it all the same (weight decay).
    input_ids: (1, tokens). Works on the meta device; gradients are cleared afterwards.
    """
    ids = example_input(model) if input_ids is None else input_ids
    reached = {kind: _reached_from(model, ids, read) for kind, read in _READS.items()}
    return {
        name: tuple(kind for kind in reached if name in reached[kind])
        for name, _ in model.named_parameters()
    }


def _reached_from(
    model: "PreTrainedModel",
    input_ids: torch.Tensor,
    read: Callable[[torch.Tensor], torch.Tensor],
) -> frozenset[str]:
    with torch.enable_grad():
        hidden = model(input_ids=input_ids).last_hidden_state
        weight = torch.ones(1, hidden.shape[-1], device=hidden.device)
        torch.autograd.backward(torch.nn.functional.linear(read(hidden), weight).sum())
    names = frozenset(
        name for name, parameter in model.named_parameters() if parameter.grad is not None
    )
    model.zero_grad(set_to_none=True)
    return names
