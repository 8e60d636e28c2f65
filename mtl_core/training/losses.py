"""The loss of each head, and the joint one."""

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
    """Cross entropy of each task that has labels in `batch`, over its own labels only.

    logits: (batch, outputs) of a sentence task, (batch, sequence, outputs) of a token task.
    """
    losses = {}
    for task in tasks:
        if task.name in batch.rows:
            said = logits[task.name]
            said = said[batch.rows[task.name].to(said.device)]
            losses[task.name] = functional.cross_entropy(
                said.flatten(0, -2),
                batch.labels[task.name].to(said.device).flatten(),
                ignore_index=IGNORED,
                reduction=reduction,
            )
    return losses


@dataclass(frozen=True)
class Labelled:
    """The positions of one task that bear a label, and those labels: both (n,).

    Positions are counted through a batch, or several, sentence after sentence, padding included.
    """

    positions: Tensor
    labels: Tensor


def labelled(batches: Sequence[Batch], tasks: Sequence[Task]) -> dict[str, Labelled]:
    """What each task reads of some batches, counted through all of them one after another; tasks
    without a label in any are left out."""
    sizes = [batch.input_ids.numel() for batch in batches]
    before = list(accumulate(sizes, initial=0))
    found: dict[str, list[Labelled]] = {}
    for batch, first in zip(batches, before, strict=False):
        for task in tasks:
            if task.name in batch.rows:
                found.setdefault(task.name, []).append(_labelled(batch, task, first))
    return {task.name: _joined(found[task.name]) for task in tasks if task.name in found}


def _labelled(batch: Batch, task: Task, first: int) -> Labelled:
    """What a task reads of one batch, whose first position counts as `first`."""
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
    """The positions of every task, one task after another: (n,)."""
    return torch.cat(
        [torch.empty(0, dtype=torch.long), *(each.positions for each in read.values())]
    )


def states_at(hidden: Tensor, positions: Tensor) -> Tensor:
    """Some positions, (n, hidden), of a last hidden state: (batch, tokens, hidden)."""
    return hidden.flatten(0, 1)[positions.to(hidden.device)]


def labelled_logits(
    model: MultiTaskModel, states: Tensor, read: Mapping[str, Labelled]
) -> dict[str, Tensor]:
    """What each head says at its own positions, (n, outputs), from the states at
    `read_positions`: (n, hidden).

    Heads, and dropout before them, run at the positions that bear a label and nowhere else: a head
    of four outputs over every token of a batch costs more than all else where heads alone learn.
    """
    sizes = [len(each.labels) for each in read.values()]
    own = states.split(sizes)  # type: ignore[no-untyped-call]
    tasks = {task.name: task for task in model.tasks}
    return {name: model.logits_at(tasks[name], part) for name, part in zip(read, own, strict=True)}


def summed_loss(logits: Tensor, read: Labelled) -> Tensor:
    """Cross entropy over a task's labels, added up."""
    labels = read.labels.to(logits.device)
    return functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")


def labelled_losses(
    model: MultiTaskModel, states: Tensor, read: Mapping[str, Labelled]
) -> dict[str, Tensor]:
    """As `task_losses` summed, from the states at `read_positions`: (n, hidden)."""
    logits = labelled_logits(model, states, read)
    return {name: summed_loss(logits[name], read[name]) for name in read}


def label_counts(batches: Iterable[Batch]) -> dict[str, int]:
    """How many labels of each task these batches hold, padding left out."""
    counts: dict[str, int] = {}
    for batch in batches:
        for task, labels in batch.labels.items():
            counts[task] = counts.get(task, 0) + int((labels != IGNORED).sum())
    return counts


def joint_loss(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor | None:
    """The weighted sum of the losses that are here; None where no part of it can be learned from.

    A task that is not named weighs 1.
    """
    weighed = [
        loss * weights.get(task, 1.0)
        for task, loss in losses.items()
        if loss.requires_grad and weights.get(task, 1.0) > 0
    ]
    return sum(weighed[1:], start=weighed[0]) if weighed else None
