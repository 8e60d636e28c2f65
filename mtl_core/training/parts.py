"""A batch in parts of like length: one step, less padding, less memory at a time.

Sentences of one task are often shorter than those of another, and a batch that holds both pads
the short ones to the longest. Cut in two, each part is padded to its own longest sentence. The
loss of the step stays that of the whole batch: a task's sum over all parts, over all its labels.
"""

from collections.abc import Sequence
from itertools import pairwise

from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.description import Role
from mtl_core.models.packing import PACKED_TOKENS
from mtl_core.tasks.alignment import EncodedExample
from mtl_core.tasks.task import Task
from mtl_core.training.batches import Batch, collate

PART_TOKENS = 32
"""What another part costs that runs by itself, as tokens of padding: two dozen small operations a
layer more, and the gradient of each weight added once more."""

PACKED_PART_TOKENS = 8
"""What it costs where all parts run in one pass: attention in each layer once more."""


def runs_in_parts(table: ParameterTable, device: str = "cpu") -> bool:
    """Whether a phase's steps pay for parts: where heads alone learn, a token costs next to
    nothing, and a card has room for padding sooner than time for small operations.

    By plan and device alone, so that a run with and without prefix reuse takes the same steps.
    """
    moving = (row for row in table.rows if row.state is State.TRAINABLE)
    return device == "cpu" and any(row.role is not Role.HEAD for row in moving)


def in_parts(
    examples: Sequence[EncodedExample], tasks: Sequence[Task], pad_id: int, *, packed: bool = False
) -> list[Batch]:
    """The examples of one step in batches of like length, as few as pay.

    `packed`: whether all of them are to run in one pass.
    """
    ordered = sorted(examples, key=lambda example: len(example.input_ids))
    lengths = [len(example.input_ids) for example in ordered]
    cuts = [0, *_cuts(lengths, PACKED_PART_TOKENS if packed else PART_TOKENS), len(ordered)]
    return [collate(ordered[start:end], tasks, pad_id) for start, end in pairwise(cuts)]


def together(parts: Sequence[Batch]) -> list[list[Batch]]:
    """Parts by the pass that they share, in their order; none of more tokens than pay, but for a
    part that has more by itself."""
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


def _cuts(lengths: Sequence[int], part_tokens: int) -> list[int]:
    """Where to cut ascending `lengths`, so that padded tokens and parts, `part_tokens` each, cost
    least.

    Only where a length ends is a cut worth trying; the best way to each of these places is found
    from the best ways to those before it.
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
