"""The gradients of one step, accumulated over parts of the batch.

Sentences of one task are often shorter than those of another, and a batch that holds both pads the
short ones to the longest. Splitting the batch by length saves padding and memory. The loss of the
step stays that of the whole batch: per task, the sum over all parts divided by all its labels.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import ABOVE_LAYERS
from mtl_core.models.packing import PACKED_TOKENS
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.task import Task
from mtl_core.training.batches import Batch, collate
from mtl_core.training.loaded_run import LoadedRun
from mtl_core.training.losses import (
    joint_loss,
    label_counts,
    labelled,
    labelled_losses,
    read_positions,
)
from mtl_core.training.prefix.reuse import ReusedPrefix

PART_TOKENS = 32
"""Cost of one more part with its own pass, in padding tokens: about two dozen small operations per
layer, and one more accumulation of each weight's gradient."""

PACKED_PART_TOKENS = 8
"""Cost of one more part where all parts share a pass: one more attention call per layer."""


def splits_batches(table: ParameterTable, device: str = "cpu") -> bool:
    """Whether splitting batches pays off in a phase.

    It does not where no layer learns, because a token then costs almost nothing, nor on a GPU,
    where small operations cost more than padding. The answer depends on plan and device alone, so
    that a run takes the same steps with and without prefix reuse.
    """
    moving = (row for row in table.rows if row.state is State.TRAINABLE)
    return device == "cpu" and any(row.role not in ABOVE_LAYERS for row in moving)


def split_by_length(
    examples: Sequence[EncodedExample], tasks: Sequence[Task], pad_id: int, *, packed: bool = False
) -> list[Batch]:
    """Split the examples of one step into batches of similar length with the lowest total cost.

    `packed`: whether all of them will share one pass.
    """
    ordered = sorted(examples, key=lambda example: len(example.input_ids))
    lengths = [len(example.input_ids) for example in ordered]
    cuts = [0, *_cuts(lengths, PACKED_PART_TOKENS if packed else PART_TOKENS), len(ordered)]
    return [collate(ordered[start:end], tasks, pad_id) for start, end in pairwise(cuts)]


def micro_batches(
    examples: Sequence[EncodedExample], size: int, tasks: Sequence[Task], pad_id: int
) -> list[Batch]:
    """Split the examples of one step into batches of at most `size`, the short ones together."""
    ordered = sorted(examples, key=lambda example: len(example.input_ids))
    return [
        collate(ordered[first : first + size], tasks, pad_id)
        for first in range(0, len(ordered), size)
    ]


def group_into_passes(parts: Sequence[Batch]) -> list[list[Batch]]:
    """Group consecutive parts into passes of at most PACKED_TOKENS tokens.

    A part that is longer by itself gets its own pass.
    """
    passes: list[list[Batch]] = []
    room = 0
    for part in parts:
        tokens = part.input_ids.numel()
        if tokens > room:
            passes.append([])
            room = PACKED_TOKENS
        passes[-1].append(part)
        room -= tokens
    return passes


def accumulate_gradients(
    loaded: LoadedRun, reused: ReusedPrefix, parts: Sequence[Batch]
) -> dict[str, float]:
    """Run backward for all parts of a step; return each task's mean loss over all its labels.

    Parts share a pass where the architecture supports packing and the parts fit.
    """
    counts = label_counts(parts)
    shares: dict[str, list[Tensor]] = {}
    for each in _passes(reused, parts, may_share=not loaded.spec.has_micro_batches):
        for task, loss in _backward(loaded, reused, each, counts).items():
            shares.setdefault(task, []).append(loss)
    means = [torch.stack(losses).sum() for losses in shares.values()]
    values = torch.stack(means).tolist() if means else []  # one synchronisation with the device
    return dict(zip(shares, values, strict=True))


def _passes(
    reused: ReusedPrefix, parts: Sequence[Batch], *, may_share: bool
) -> Iterator[Sequence[Batch]]:
    """Yield the parts of each pass; one for each part unless they `may_share` passes."""
    # `packs` is evaluated only if needed: the first use runs a test
    shared = len(parts) > 1 and may_share and reused.packs
    for group in group_into_passes(parts) if shared else ():
        if reused.fit_one_pass(group):
            yield group
        else:
            yield from ([part] for part in group)
    if not shared:
        yield from ([part] for part in parts)


def _backward(
    loaded: LoadedRun, reused: ReusedPrefix, parts: Sequence[Batch], counts: Mapping[str, int]
) -> dict[str, Tensor]:
    """Run forward and backward for the parts of one pass; return its share of each task's loss.

    `counts` are the labels of the whole step.
    """
    spec = loaded.spec
    read = labelled(parts, spec.tasks, spec.sentence_vector)
    positions = read_positions(read)
    states = (
        reused.states_at(parts[0], positions)
        if len(parts) == 1
        else reused.packed_states_at(parts, positions)
    )
    sums = labelled_losses(loaded.model, states, read)
    losses = {task: loss / counts[task] for task, loss in sums.items()}
    joint = joint_loss(losses, spec.plan.task_weights)
    if joint is not None:
        joint.backward()  # type: ignore[no-untyped-call]
    return {task: loss.detach() for task, loss in losses.items()}


def _cuts(lengths: Sequence[int], part_tokens: int) -> list[int]:
    """Where to cut ascending `lengths` to minimise padded tokens plus `part_tokens` per part.

    Dynamic programming over the places where the length changes; no other cut can be better.
    """
    ends = [n for n in range(1, len(lengths)) if lengths[n] != lengths[n - 1]] + [len(lengths)]
    best: dict[int, tuple[int, list[int]]] = {0: (0, [])}
    for end in ends:
        longest = lengths[end - 1]
        best[end] = min(
            (cost + (end - start) * longest + part_tokens, [*cuts, start])
            for start, (cost, cuts) in best.items()
        )
    return best[len(lengths)][1][1:]
