"""Whether an architecture, run from a depth on what was stored, gives what all of it gives."""

from typing import TYPE_CHECKING

import torch

from mtl_core.models.architecture import one_line
from mtl_core.training.device import random_numbers
from mtl_core.training.prefix.outputs import FrozenOutputs
from mtl_core.training.prefix.rows import StoredRows

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TOLERANCE = 1e-5
"""How far a replayed hidden state may be from the whole model's, in parts of its largest value."""

_CHECKED_SENTENCES = 8


def difference(
    backbone: "PreTrainedModel",
    frozen: FrozenOutputs,
    depth: int,
    outputs: StoredRows | None = None,
) -> str | None:
    """What is wrong with replaying from `depth`, told by one real padded batch; None: nothing.

    Without stored `outputs` those of that batch's sentences are computed.

    The backbone is run as it stands, with the dropout of the layers that learn: both ways draw
    from the same random numbers, and must leave the generator in the same place.
    """
    input_ids, mask = frozen.sentences.mixed_batch(_CHECKED_SENTENCES)
    ids, shown = input_ids.to(backbone.device), mask.to(backbone.device)
    hidden = (
        frozen.one_by_one(depth, input_ids, mask)
        if outputs is None
        else frozen.gather(outputs, depth, input_ids, mask)
    ).to(backbone.device)
    random, here = random_numbers(backbone.device), [backbone.device]
    with torch.no_grad(), torch.random.fork_rng(devices=here if ids.is_cuda else []):
        start = random.get_rng_state()
        whole = backbone(input_ids=ids, attention_mask=shown).last_hidden_state
        after_whole = random.get_rng_state()
        random.set_rng_state(start)
        try:
            replayed = frozen.replay.resume(depth, hidden, ids, shown)
        except Exception as problem:  # whatever a foreign forward pass raises
            return f"this architecture does not run from layer {depth} alone: {one_line(problem)}"
        after_replay = random.get_rng_state()
    if not torch.equal(after_whole, after_replay):
        return f"the frozen part below layer {depth} draws random numbers in this architecture"
    # Above stored tokens without their sentences nothing runs, so no others can come out wrong.
    real = frozen.stored(depth, input_ids, mask)
    apart = (whole - replayed).cpu()[real].abs().max() / whole.cpu()[real].abs().max()
    if not apart <= TOLERANCE:
        return (
            f"from layer {depth} alone this architecture answers otherwise "
            f"(by {apart:.1g}, at most {TOLERANCE:.0e} is rounding)"
        )
    return None
