"""The cosine between two tasks' gradients on the shared tensors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations

import torch
from torch import Tensor, nn

from mtl_core.models.layer_stack import evaluating
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.models.packing import PACKED_TOKENS
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.task import Task
from mtl_core.training.batches import Batch, collate
from mtl_core.training.losses import label_counts, task_losses

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

    Each batch has SENTENCES sentences of both tasks, in the order of `examples`; there are BATCHES,
    or fewer if one of the two tasks has fewer sentences. None if one has no training sentence or no
    shared tensor learns. `hidden` computes the last hidden state of a batch, by default with the
    whole of `model`. Gradients, modes and flags of the model are restored.
    """
    pairs = list(combinations((task.name for task in model.tasks), 2))
    if not shared or not pairs:
        return dict.fromkeys(pairs, (None,))
    batches = {task.name: _batches(task, examples) for task in model.tasks}
    found: dict[tuple[str, str], list[float | None]] = {pair: [] for pair in pairs}
    with evaluating(model), _learning(model, shared):
        for number in range(sorted(map(len, batches.values()))[-2]):
            gradients = {
                task.name: _gradient(
                    model,
                    task,
                    _passes(batches[task.name][number], task, pad_id),
                    list(shared.values()),
                    hidden or model.hidden,
                )
                for task in model.tasks
                if number < len(batches[task.name])
            }
            for one, other in pairs:
                if one in gradients and other in gradients:
                    found[one, other].append(cosine(gradients[one], gradients[other]))
    return {pair: tuple(cosines) or (None,) for pair, cosines in found.items()}


def cosine(one: Gradient, other: Gradient) -> float | None:
    """Return the cosine of two gradients, given as lists of tensors; None if either is zero."""
    product = _inner(one, other)
    lengths = (_inner(one, one) * _inner(other, other)) ** 0.5
    return max(-1.0, min(1.0, product / lengths)) if lengths > 0 else None


def _batches(task: Task, examples: Sequence[EncodedExample]) -> list[Sequence[EncodedExample]]:
    """The task's sentences in batches of SENTENCES; one smaller batch if there are fewer."""
    own = [each for each in examples if task.name in each.labels]
    count = min(BATCHES, max(1, len(own) // SENTENCES)) if own else 0
    return [own[n * SENTENCES : (n + 1) * SENTENCES] for n in range(count)]


def _passes(examples: Sequence[EncodedExample], task: Task, pad_id: int) -> list[Batch]:
    """Divide a batch into passes of PACKED_TOKENS, as training does, so that they need no more
    memory than its steps. A longer sentence gets its own pass."""
    ordered = sorted(examples, key=lambda each: len(each.input_ids))
    passes: list[list[EncodedExample]] = [[]]
    for each in ordered:
        if passes[-1] and (len(passes[-1]) + 1) * len(each.input_ids) > PACKED_TOKENS:
            passes.append([])
        passes[-1].append(each)
    return [collate(each, [task], pad_id) for each in passes]


def _gradient(
    model: MultiTaskModel,
    task: Task,
    passes: Sequence[Batch],
    shared: Sequence[nn.Parameter],
    hidden: Hidden,
) -> Gradient:
    """The gradient of the mean loss over all labels of the passes."""
    count = label_counts(passes).get(task.name, 0)
    found: Gradient = [None] * len(shared)
    for batch in passes:
        states = hidden(batch.input_ids, batch.attention_mask)
        logits = model.heads(states, batch.attention_mask)
        loss = task_losses(logits, batch, [task], "sum").get(task.name)
        if loss is not None and loss.requires_grad:
            own = torch.autograd.grad(loss / count, shared, allow_unused=True)
            found = [_sum(one, other) for one, other in zip(found, own, strict=True)]
    return found


def _sum(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other


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
