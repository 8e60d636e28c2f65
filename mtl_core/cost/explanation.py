"""What a cost comes to, in sentences: why few parameters that learn may still cost much."""

from mtl_core.cost.estimate import ADAMW_BYTES, FLOAT_BYTES, StepCost
from mtl_core.freezing.table import ParameterTable, State, layers_crossed
from mtl_core.models.description import BackboneDescription, Role

COUNTED = (
    "Counted for full batches in float32 on the CPU, every position of every layer; a multiply-add "
    "is two FLOPs. A run's sentences are shorter, and the last layer runs after its attention only "
    "where a label is read, if the architecture allows it."
)
_OUT_OF_PROPORTION = 3  # a few top layers keep up to 2.3 times their share of the parameters


def share(part: float, whole: float) -> str:
    """`71 %`, `0.4 %`: a share as text, whole per cents from 1 on."""
    value = 100 * part / whole if whole else 0.0
    return f"{value:.0f} %" if value >= 1 or value == 0 else f"{value:.1g} %"


def megabytes(size: int) -> str:
    """`1,837 MB`, `6.3 MB`, `0.02 MB`: millions of bytes, two figures below ten."""
    value = size / 1e6
    return f"{value:,.0f} MB" if value >= 9.95 or value == 0 else f"{value:.2g} MB"


def is_dear(
    cost: StepCost, full: StepCost, table: ParameterTable, backbone: BackboneDescription
) -> bool:
    """Whether few parameters learn and much is kept for them, as with biases alone: then the share
    that learns misleads, and `why` is what a reader has to know."""
    if layers_crossed(table, backbone) == 0:
        return False
    kept = cost.saved_activation_bytes / full.saved_activation_bytes
    return kept > _OUT_OF_PROPORTION * table.totals.trainable_share


def why(
    cost: StepCost, full: StepCost, table: ParameterTable, backbone: BackboneDescription
) -> str:
    """What decides the memory that is kept for the backward pass, in one or two sentences."""
    kept = share(cost.saved_activation_bytes, full.saved_activation_bytes)
    crossed, lowest = layers_crossed(table, backbone), table.gradient_stops_at
    if lowest is None:
        return "Nothing learns, so nothing is kept and no gradient is computed."
    if crossed == 0:
        return (
            "Only heads learn: no gradient enters the encoder, so nothing of it is kept but its "
            f"output, {kept} of what full keeps."
        )
    learn = f"{100 * table.totals.trainable_share:.2f} %"
    return (
        f"{learn} of the parameters learn, and {kept} of what full keeps is kept: the depth of the "
        f"lowest tensor that learns decides, not how many do. It lies in {_the(lowest)}, so the "
        f"gradient crosses {crossed} of {backbone.depth} layers, and each keeps what the gradient "
        "passes through: attention, activations and dropout masks, whatever learns in it."
    )


def reuse(cost: StepCost, full: StepCost) -> str:
    """What reusing the frozen part saves, in one sentence."""
    if cost.reused_forward_flops == cost.forward_flops:
        return "No frozen part lies below what learns, so there is nothing to reuse."
    return (
        f"With the frozen part computed once for each sentence and reused, a step is "
        f"{share(cost.reused_flops, full.flops)} of full's instead of "
        f"{share(cost.flops, full.flops)}."
    )


def at_most(table: ParameterTable, backbone: BackboneDescription) -> str | None:
    """That a run keeps less of the word embedding than was counted; None where it does not learn.

    A run keeps gradients and moments for the rows its sentences read, which only the data tell.
    """
    rows = backbone.vocabulary_size
    learning = sum(
        row.count
        for row in table.rows
        if row.role is Role.EMBEDDINGS
        and row.state is State.TRAINABLE
        and row.tied_to is None
        and row.shape[:1] == (rows,)
    )
    if not learning:
        return None
    size = megabytes(learning * (FLOAT_BYTES + ADAMW_BYTES))
    return (
        f"At most: {size} of gradients and optimizer are counted for all {rows:,} rows of the word "
        "embedding; a run keeps them for the rows that its sentences read."
    )


def _the(group: str) -> str:
    return f"the {group}" if group == "embeddings" else group
