"""The cosine between two tasks' gradients on the shared tensors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations

import torch
from torch import Tensor, nn

from mtl_core.models.layer_stack import evaluating
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.task import Task
from mtl_core.training.batches import Batch, collate
from mtl_core.training.losses import task_losses

BATCHES = 4
"""Number of batches of each task that a cosine is computed on: 64 sentences."""

SENTENCES = 16
"""Number of sentences in such a batch, as in a batch of training by default."""

Hidden = Callable[[Tensor, Tensor], Tensor]
"""Token ids and mask, on the CPU -> the last hidden state: (batch, tokens, hidden)."""

Gradient = list[Tensor | None]
Cosines = dict[tuple[str, str], tuple[float | None, ...]]
"""By pair of tasks, in the order of the model's tasks, the cosine on each batch."""


def gradient_cosines(
    model: MultiTaskModel,
    shared: Mapping[str, nn.Parameter],
    examples: Sequence[EncodedExample],
    pad_id: int,
    hidden: Hidden | None = None,
) -> Cosines:
    """Compute the cosine of each pair of tasks' gradients on `shared`, without dropout.

    Each batch has SENTENCES sentences of every task, in the order of `examples`; there are BATCHES,
    or fewer if a task has fewer sentences. None if a task has no training sentence or no shared
    tensor learns. `hidden` computes the last hidden state of a batch, by default with the whole of
    `model`. Gradients, modes and flags of the model are restored.
    """
    pairs = list(combinations((task.name for task in model.tasks), 2))
    if not shared or not pairs:
        return dict.fromkeys(pairs, (None,))
    by_task = [[each for each in examples if task.name in each.labels] for task in model.tasks]
    count = max(1, min(BATCHES, *(len(own) // SENTENCES for own in by_task)))
    found: dict[tuple[str, str], list[float | None]] = {pair: [] for pair in pairs}
    with evaluating(model), _learning(model, shared):
        for start in range(0, count * SENTENCES, SENTENCES):
            gradients = {
                task.name: _gradient(
                    model,
                    task,
                    collate(own[start : start + SENTENCES], [task], pad_id) if own else None,
                    list(shared.values()),
                    hidden or model.hidden,
                )
                for task, own in zip(model.tasks, by_task, strict=True)
            }
            for one, other in pairs:
                found[one, other].append(cosine(gradients[one], gradients[other]))
    return {pair: tuple(cosines) for pair, cosines in found.items()}


def cosine(one: Gradient, other: Gradient) -> float | None:
    """Return the cosine of two gradients, given as lists of tensors; None if either is zero."""
    product = _inner(one, other)
    lengths = (_inner(one, one) * _inner(other, other)) ** 0.5
    return max(-1.0, min(1.0, product / lengths)) if lengths > 0 else None


def _gradient(
    model: MultiTaskModel,
    task: Task,
    batch: Batch | None,
    shared: Sequence[nn.Parameter],
    hidden: Hidden,
) -> Gradient:
    if batch is None:
        return [None] * len(shared)
    states = hidden(batch.input_ids, batch.attention_mask)
    logits = model.heads(states, batch.attention_mask)
    loss = task_losses(logits, batch, [task]).get(task.name)
    if loss is None or not loss.requires_grad:
        return [None] * len(shared)
    return list(torch.autograd.grad(loss, shared, allow_unused=True))


def _inner(one: Gradient, other: Gradient) -> float:
    pairs = zip(one, other, strict=True)
    return sum(_product(a, b) for a, b in pairs if a is not None and b is not None)


def _product(one: Tensor, other: Tensor) -> float:
    """Return the inner product of two dense or two sparse tensors."""
    if not one.is_sparse:
        return torch.dot(one.reshape(-1), other.reshape(-1)).item()
    one, other = one.coalesce(), other.coalesce()
    places = {row: place for place, row in enumerate(other.indices()[0].tolist())}
    pairs = [(n, places[row]) for n, row in enumerate(one.indices()[0].tolist()) if row in places]
    here, there = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).unbind(1)
    return (one.values()[here] * other.values()[there]).sum().item()


@contextmanager
def _learning(model: nn.Module, shared: Mapping[str, nn.Parameter]) -> Iterator[None]:
    """Require gradients of `shared` alone inside the block."""
    before = {each: each.requires_grad for each in model.parameters()}
    for each in before:
        each.requires_grad_(False)
    for each in shared.values():
        each.requires_grad_(True)
    try:
        yield
    finally:
        for each, flag in before.items():
            each.requires_grad_(flag)
