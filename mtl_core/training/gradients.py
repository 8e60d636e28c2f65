"""The gradients of one step, added up over its parts, and the losses they come from."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtl_core.training.batches import Batch
from mtl_core.training.loaded_run import Setting
from mtl_core.training.losses import (
    joint_loss,
    label_counts,
    labelled,
    labelled_losses,
    read_positions,
)
from mtl_core.training.parts import together
from mtl_core.training.prefix.reuse import ReusedPrefix


def take_gradients(
    setting: Setting, reused: ReusedPrefix, parts: Sequence[Batch]
) -> dict[str, float]:
    """Add the gradients of a step's parts up, several in one pass where the architecture allows it;
    the loss of every task, the mean over all its labels."""
    counts = label_counts(parts)
    shared = len(parts) > 1 and reused.packs  # what packs is tried where something is to be packed
    passes = together(parts) if shared else [[part] for part in parts]
    told: dict[str, list[Tensor]] = {}
    for each in passes:
        for task, loss in _take(setting, reused, each, counts).items():
            told.setdefault(task, []).append(loss)
    means = [torch.stack(shares).sum() for shares in told.values()]
    values = torch.stack(means).tolist() if means else []  # one wait for the device
    return dict(zip(told, values, strict=True))


def _take(
    setting: Setting, reused: ReusedPrefix, parts: Sequence[Batch], counts: Mapping[str, int]
) -> dict[str, Tensor]:
    """Add the gradients of one pass over `parts`; its share in the loss of every task.

    `counts` are the labels of the whole step.
    """
    spec = setting.spec
    read = labelled(parts, spec.tasks)
    positions = read_positions(read)
    states = (
        reused.states_at(parts[0], positions)
        if len(parts) == 1
        else reused.packed_states_at(parts, positions)
    )
    sums = labelled_losses(setting.model, states, read)
    losses = {task: loss / counts[task] for task, loss in sums.items()}
    joint = joint_loss(losses, spec.plan.task_weights)
    if joint is not None:
        joint.backward()  # type: ignore[no-untyped-call]
    return {task: loss.detach() for task, loss in losses.items()}
