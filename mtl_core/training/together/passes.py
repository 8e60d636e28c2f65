"""Losses and gradients of stacked heads on stored outputs, without autograd."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mtl_core.training.losses import logit_gradients
from mtl_core.training.together.heads import HeadGradients, StackedHead
from mtl_core.training.together.rows import StepRows


class Buffer:
    """Memory for rows of one width that is used again in every step: (rows, width)."""

    def __init__(self, width: int) -> None:
        self._memory = torch.empty(0, width)

    def rows(self, count: int) -> Tensor:
        """Return uninitialised memory for `count` rows."""
        if count > len(self._memory):
            self._memory = torch.empty(count + count // 4, self._memory.shape[1])
        return self._memory[:count]


@dataclass(frozen=True)
class HeadPass:
    """The result of one task's pass.

    `losses` are the mean losses of each run, (runs,); `gradients` is None if the head is frozen.
    """

    losses: Tensor
    gradients: HeadGradients | None


class HeadPasses:
    """Computes losses and gradients of one task for several runs.

    `outputs` are the stored rows that heads read: (n, hidden). `dropout` is the rate before heads.
    """

    def __init__(self, outputs: Tensor, dropout: float) -> None:
        self._dropout = dropout
        self._outputs = outputs.div_(1 - dropout) if dropout else outputs
        self._read, self._mask = Buffer(outputs.shape[1]), Buffer(outputs.shape[1])

    def run(
        self,
        head: StackedHead,
        steps: Sequence[StepRows],
        streams: Sequence[torch.Generator],
        weight: float | None,
    ) -> HeadPass:
        """Run forward and backward for one step of each run.

        `streams` are the runs' dropout streams. `weight` is the task's weight in the joint loss;
        None computes no gradient.
        """
        sizes = [len(each.rows) for each in steps]
        total = sum(sizes)
        read = self._read.rows(total)
        torch.index_select(self._outputs, 0, torch.cat([each.rows for each in steps]), out=read)
        self._drop(read, sizes, streams)
        labels = torch.cat([each.labels for each in steps])
        logits = torch.empty(total, head.bias.shape[1])
        parts, rows = logits.split(sizes), read.split(sizes)  # type: ignore[no-untyped-call]
        for run, (part, states) in enumerate(zip(parts, rows, strict=True)):
            torch.addmm(head.bias[run], states, head.weight[run].T, out=part)
        counts = torch.tensor(sizes)
        owner = torch.arange(len(sizes)).repeat_interleave(counts)
        shares = torch.log_softmax(logits, 1)
        summed = torch.zeros(len(sizes)).index_add_(
            0, owner, shares.gather(1, labels[:, None])[:, 0]
        )
        losses = -summed / counts
        if weight is None:
            return HeadPass(losses, None)
        gradient = logit_gradients(shares, labels, (weight / counts)[owner][:, None])
        return HeadPass(losses, _gradients(gradient, rows, sizes, owner))

    def _drop(self, read: Tensor, sizes: Sequence[int], streams: Sequence[torch.Generator]) -> None:
        """Apply each run's dropout to its rows; the stored outputs are scaled up already."""
        if not self._dropout:
            return
        mask = self._mask.rows(len(read))
        for part, stream in zip(mask.split(list(sizes)), streams, strict=True):  # type: ignore[no-untyped-call]
            if len(part):
                part.bernoulli_(1 - self._dropout, generator=stream)
        read.mul_(mask)


def _gradients(
    gradient: Tensor, rows: Sequence[Tensor], sizes: Sequence[int], owner: Tensor
) -> HeadGradients:
    """Return the gradients of the heads from those of the logits: (n, outputs)."""
    runs, outputs = len(sizes), gradient.shape[1]
    weight = torch.empty(runs, outputs, rows[0].shape[1])
    parts = gradient.split(list(sizes))  # type: ignore[no-untyped-call]
    for run, (part, states) in enumerate(zip(parts, rows, strict=True)):
        torch.mm(part.T, states, out=weight[run])
    bias = torch.zeros(runs, outputs).index_add_(0, owner, gradient)
    return HeadGradients(weight, bias, torch.tensor(sizes) > 0)
