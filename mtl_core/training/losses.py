"""The loss of each head, and the joint one."""

from collections.abc import Iterable, Mapping, Sequence

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


def labelled_losses(model: MultiTaskModel, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
    """As `task_losses` summed, from the last hidden state: (batch, sequence, hidden).

    Heads, and dropout before them, run at the positions that bear a label and nowhere else: a head
    of four outputs over every token of a batch costs more than all else where heads alone learn.
    """
    states = hidden.flatten(0, 1)
    losses = {}
    for task in model.tasks:
        if task.name in batch.rows:
            starts, labels = batch.rows[task.name] * hidden.shape[1], batch.labels[task.name]
            if task.kind is TaskKind.TOKEN:
                rows, tokens = (labels != IGNORED).nonzero(as_tuple=True)
                starts, labels = starts[rows] + tokens, labels[rows, tokens]
            starts, labels = starts.to(states.device), labels.to(states.device)
            logits = model.logits_at(task, states.index_select(0, starts))
            losses[task.name] = functional.cross_entropy(
                logits, labels, ignore_index=IGNORED, reduction="sum"
            )
    return losses


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
