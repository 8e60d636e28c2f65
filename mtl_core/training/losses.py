"""The loss of each head, and the joint loss."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional

from mtl_core.models.multitask import MultiTaskModel
from mtl_core.tasks.alignment import IGNORED
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.batches import Batch


def task_losses(
    logits: Mapping[str, Tensor], batch: Batch, tasks: Sequence[Task], reduction: str = "mean"
) -> dict[str, Tensor]:
    """Return the cross entropy of each task with labels in `batch`, over its own labels only.

    logits: (batch, outputs) of a sentence task, (batch, sequence, outputs) of a token task.
    """
    losses = {}
    for task in tasks:
        if task.name in batch.rows:
            own = logits[task.name]
            own = own[batch.rows[task.name].to(own.device)]
            losses[task.name] = functional.cross_entropy(
                own.flatten(0, -2),
                batch.labels[task.name].to(own.device).flatten(),
                ignore_index=IGNORED,
                reduction=reduction,
            )
    return losses


@dataclass(frozen=True)
class Labelled:
    """The positions of one task that have a label, and their labels: both (n,).

    Positions count through one or several batches, sentence by sentence, padding included.
    """

    positions: Tensor
    labels: Tensor


def labelled(batches: Sequence[Batch], tasks: Sequence[Task]) -> dict[str, Labelled]:
    """Return the labelled positions of each task, counted through all batches.

    Tasks without a label are omitted.
    """
    sizes = [batch.input_ids.numel() for batch in batches]
    before = list(accumulate(sizes, initial=0))
    found: dict[str, list[Labelled]] = {}
    for batch, first in zip(batches, before, strict=False):
        for task in tasks:
            if task.name in batch.rows:
                found.setdefault(task.name, []).append(_labelled(batch, task, first))
    return {task.name: _joined(found[task.name]) for task in tasks if task.name in found}


def _labelled(batch: Batch, task: Task, first: int) -> Labelled:
    """Return a task's labelled positions in one batch, counted from `first`."""
    starts, labels = batch.rows[task.name] * batch.input_ids.shape[1], batch.labels[task.name]
    if task.kind is TaskKind.TOKEN:
        rows, tokens = (labels != IGNORED).nonzero(as_tuple=True)
        starts, labels = starts[rows] + tokens, labels[rows, tokens]
    return Labelled(first + starts, labels)


def _joined(several: Sequence[Labelled]) -> Labelled:
    return Labelled(
        torch.cat([each.positions for each in several]),
        torch.cat([each.labels for each in several]),
    )


def read_positions(read: Mapping[str, Labelled]) -> Tensor:
    """Concatenate the positions of all tasks: (n,)."""
    return torch.cat(
        [torch.empty(0, dtype=torch.long), *(each.positions for each in read.values())]
    )


def states_at(hidden: Tensor, positions: Tensor) -> Tensor:
    """Select positions of a last hidden state: (n, hidden) from (batch, tokens, hidden)."""
    return hidden.flatten(0, 1)[positions.to(hidden.device)]


def labelled_logits(
    model: MultiTaskModel, states: Tensor, read: Mapping[str, Labelled]
) -> dict[str, Tensor]:
    """Return each head's logits at its own positions, (n, outputs).

    `states` are those at `read_positions`: (n, hidden). Heads, and dropout before them, run only
    at positions with a label. Where only heads learn, a head with four outputs over every token of
    a batch would cost more than everything else.
    """
    sizes = [len(each.labels) for each in read.values()]
    own = states.split(sizes)  # type: ignore[no-untyped-call]
    tasks = {task.name: task for task in model.tasks}
    return {name: model.logits_at(tasks[name], part) for name, part in zip(read, own, strict=True)}


def summed_loss(logits: Tensor, read: Labelled) -> Tensor:
    """Return the sum of the cross entropy over a task's labels."""
    labels = read.labels.to(logits.device)
    return functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")


def labelled_losses(
    model: MultiTaskModel, states: Tensor, read: Mapping[str, Labelled]
) -> dict[str, Tensor]:
    """As `task_losses` with sums, from the states at `read_positions`: (n, hidden)."""
    logits = labelled_logits(model, states, read)
    return {name: summed_loss(logits[name], read[name]) for name in read}


def label_counts(batches: Iterable[Batch]) -> dict[str, int]:
    """Count the labels of each task in these batches, without padding."""
    counts: dict[str, int] = {}
    for batch in batches:
        for task, labels in batch.labels.items():
            counts[task] = counts.get(task, 0) + int((labels != IGNORED).sum())
    return counts


def joint_loss(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor | None:
    """Return the weighted sum of the losses; None if none of them has a gradient.

    The default weight is 1.
    """
    weighted = [
        loss * weights.get(task, 1.0)
        for task, loss in losses.items()
        if loss.requires_grad and weights.get(task, 1.0) > 0
    ]
    return sum(weighted[1:], start=weighted[0]) if weighted else None
