"""The gradients of one step, added up over its parts, and the losses they come from."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mtl_core.training.batches import Batch
from mtl_core.training.losses import (
    joint_loss,
    label_counts,
    labelled,
    labelled_losses,
    read_positions,
)
from mtl_core.training.prefix import ReusedPrefix
from mtl_core.training.setting import Setting


def take_gradients(
    setting: Setting, reused: ReusedPrefix, parts: Sequence[Batch]
) -> dict[str, float]:
    """Add each part's gradients up; the loss of every task, the mean over all its labels."""
    model, spec = setting.model, setting.spec
    counts = label_counts(parts)
    told: dict[str, list[Tensor]] = {}
    for part in parts:
        read = labelled(part, spec.tasks)
        states = reused.states_at(part, read_positions(read))
        sums = labelled_losses(model, states, read)
        losses = {task: loss / counts[task] for task, loss in sums.items()}
        joint = joint_loss(losses, spec.plan.task_weights)
        if joint is not None:
            joint.backward()  # type: ignore[no-untyped-call]
        for task, loss in losses.items():
            told.setdefault(task, []).append(loss.detach())
    means = [torch.stack(shares).sum() for shares in told.values()]
    values = torch.stack(means).tolist() if means else []  # one wait for the device
    return dict(zip(told, values, strict=True))
