"""The loss of each head, and the joint loss."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain

import torch
from torch import Tensor
from torch.nn import functional

from mtl_core.models.multitask import MultiTaskModel
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.models.transfer import to_device
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
            own = own[to_device(batch.rows[task.name], own.device)]
            losses[task.name] = functional.cross_entropy(
                own.flatten(0, -2),
                to_device(batch.labels[task.name], own.device).flatten(),
                ignore_index=IGNORED,
                reduction=reduction,
            )
    return losses


@dataclass(frozen=True)
class Labelled:
    """The positions that one task reads, (n,), and its labels, (labels,).

    Positions count through one or several batches, sentence by sentence, padding included. `sizes`
    are the numbers of positions of the labels: several where a head reads the mean of a sentence,
    1 otherwise.
    """

    positions: Tensor
    labels: Tensor
    sizes: tuple[int, ...]

    @property
    def first_positions(self) -> Tensor:
        """The first position of each label: (labels,)."""
        sizes = torch.tensor(self.sizes, dtype=torch.long)
        return self.positions[sizes.cumsum(0) - sizes]


def labelled(
    batches: Sequence[Batch], tasks: Sequence[Task], vector: SentenceVector
) -> dict[str, Labelled]:
    """Return what each task reads, with positions counted through all batches.

    `vector` is what sentence heads read. Tasks without a label are omitted.
    """
    sizes = [batch.input_ids.numel() for batch in batches]
    before = list(accumulate(sizes, initial=0))
    found: dict[str, list[Labelled]] = {}
    for batch, first in zip(batches, before, strict=False):
        for task in tasks:
            if task.name in batch.rows:
                found.setdefault(task.name, []).append(_labelled(batch, task, vector, first))
    return {task.name: _joined(found[task.name]) for task in tasks if task.name in found}


def _labelled(batch: Batch, task: Task, vector: SentenceVector, first: int) -> Labelled:
    """Return what a task reads in one batch; positions are counted from `first`."""
    rows, labels = batch.rows[task.name], batch.labels[task.name]
    starts = first + rows * batch.input_ids.shape[1]
    if task.kind is TaskKind.TOKEN:
        sentences, tokens = (labels != IGNORED).nonzero(as_tuple=True)
        positions, labels = starts[sentences] + tokens, labels[sentences, tokens]
        return Labelled(positions, labels, (1,) * len(labels))
    if vector is SentenceVector.MEAN:
        real = batch.attention_mask[rows]
        sentences, tokens = real.nonzero(as_tuple=True)
        return Labelled(starts[sentences] + tokens, labels, tuple(real.sum(1).tolist()))
    return Labelled(starts, labels, (1,) * len(labels))


def _joined(several: Sequence[Labelled]) -> Labelled:
    return Labelled(
        torch.cat([each.positions for each in several]),
        torch.cat([each.labels for each in several]),
        tuple(chain.from_iterable(each.sizes for each in several)),
    )


def read_positions(read: Mapping[str, Labelled]) -> Tensor:
    """Concatenate the positions of all tasks: (n,)."""
    return torch.cat(
        [torch.empty(0, dtype=torch.long), *(each.positions for each in read.values())]
    )


def states_at(hidden: Tensor, positions: Tensor) -> Tensor:
    """Select positions of a last hidden state: (n, hidden) from (batch, tokens, hidden)."""
    return hidden.flatten(0, 1)[to_device(positions, hidden.device)]


def head_inputs(
    model: MultiTaskModel, states: Tensor, read: Mapping[str, Labelled]
) -> dict[str, Tensor]:
    """Return what each head reads, one row for each label: (labels, hidden).

    `states` are those at `read_positions`: (n, hidden).
    """
    sizes = [len(each.positions) for each in read.values()]
    own = states.split(sizes)  # type: ignore[no-untyped-call]
    kinds = {task.name: task.kind for task in model.tasks}
    return {
        name: model.sentence_vectors_of(part, read[name].sizes)
        if kinds[name] is TaskKind.SENTENCE
        else part
        for name, part in zip(read, own, strict=True)
    }


def labelled_logits(model: MultiTaskModel, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return each head's logits for its own labels, (labels, outputs).

    `inputs` are those of `head_inputs`. Heads, and dropout before them, run only where there is a
    label. Where only heads learn, a head with four outputs over every token of a batch would cost
    more than everything else.
    """
    tasks = {task.name: task for task in model.tasks}
    return {name: model.logits_at(tasks[name], rows) for name, rows in inputs.items()}


def summed_loss(logits: Tensor, read: Labelled) -> Tensor:
    """Return the sum of the cross entropy over a task's labels."""
    labels = to_device(read.labels, logits.device)
    return functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")


def labelled_losses(
    model: MultiTaskModel, states: Tensor, read: Mapping[str, Labelled]
) -> dict[str, Tensor]:
    """As `task_losses` with sums, from the states at `read_positions`: (n, hidden)."""
    logits = labelled_logits(model, head_inputs(model, states, read))
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


def logit_gradients(shares: Tensor, labels: Tensor, weight: float | Tensor) -> Tensor:
    """Return the gradients of weighted cross entropies by the logits: (n, outputs).

    Each row is `weight` times (softmax - one-hot). `shares` are the log-softmax of the logits,
    (n, outputs), and are overwritten. `labels`: (n,). `weight` is one number, or (n, 1).
    """
    gradient = shares.exp_()
    gradient[torch.arange(len(labels)), labels] -= 1
    return gradient.mul_(weight)
