"""Explain a plan's cost in sentences, such as why few trainable parameters may need much memory."""

from mtl_core.cost.estimate import ADAMW_BYTES, FLOAT_BYTES, StepCost
from mtl_core.freezing.table import ParameterTable, State, layers_crossed
from mtl_core.models.description import BackboneDescription, Role
from mtl_core.text import megabytes, percent

COUNTING_METHOD = (
    "Estimated for full batches in float32 on the CPU, with every position; a multiply-add counts "
    "as two FLOPs. Sentences in a run are shorter. If the architecture allows it, a run computes "
    "the last layer after its attention only at positions with a label. The peak memory of a run "
    "is higher: it is that of the whole process, with Python, torch and data."
)
_OUT_OF_PROPORTION = 3  # a few top layers save up to 2.3 times their share of the parameters


def share(part: float, whole: float) -> str:
    """Format a share: `71 %`, `0.4 %`; `0 %` if `whole` is 0."""
    return percent(part / whole if whole else 0.0)


def costs_more_than_its_share(
    cost: StepCost, full: StepCost, table: ParameterTable, backbone: BackboneDescription
) -> bool:
    """Whether a plan saves far more activations than its share of trainable parameters suggests.

    This is the case for `bitfit`, for example. `memory_reason` then explains the cost.
    """
    if layers_crossed(table, backbone) == 0:
        return False
    saved = cost.saved_activation_bytes / full.saved_activation_bytes
    return saved > _OUT_OF_PROPORTION * table.totals.trainable_share


def memory_reason(
    cost: StepCost, full: StepCost, table: ParameterTable, backbone: BackboneDescription
) -> str:
    """Explain which activations are saved for the backward pass, in one to three sentences."""
    saved = share(cost.saved_activation_bytes, full.saved_activation_bytes)
    crossed, lowest = layers_crossed(table, backbone), table.gradient_stops_at
    if lowest is None:
        return "Nothing is trained, so no activations are saved and no gradient is computed."
    if crossed == 0:
        return (
            "Only heads are trained. No gradient enters the encoder, so only its output is saved: "
            f"{saved} of the activations of full fine-tuning."
        )
    trainable = f"{100 * table.totals.trainable_share:.2f} %"
    return (
        f"{trainable} of the parameters are trainable, and the saved activations take {saved} of "
        "the memory they take in full fine-tuning. The lowest trainable tensor decides this, not "
        f"the number of parameters: it is in {_with_article(lowest)}, so the gradient passes "
        f"through {crossed} of {backbone.depth} layers. Each of them saves its activations, "
        "whether it is trainable or frozen."
    )


def reuse_note(cost: StepCost, full: StepCost) -> str:
    """Explain how much computation is saved by reusing the output of the frozen part."""
    if cost.frozen_dropout:
        return (
            "Dropout is on in frozen layers, so their outputs differ on every step and nothing is "
            "reused."
        )
    if cost.reused_forward_flops == cost.forward_flops:
        return "There is no frozen part below the lowest trainable tensor, so nothing is reused."
    return (
        "If the frozen part is computed once per sentence and its output is reused, a step takes "
        f"{share(cost.reused_flops, full.flops)} of the FLOPs of full fine-tuning instead of "
        f"{share(cost.flops, full.flops)}."
    )


def embedding_note(table: ParameterTable, backbone: BackboneDescription) -> str | None:
    """Explain that the memory of the word embedding is an upper bound; None if it is frozen.

    A run stores gradients and moments only for the rows that occur in its data.
    """
    rows = backbone.vocabulary_size
    trainable = sum(
        row.count
        for row in table.rows
        if row.role is Role.EMBEDDINGS
        and row.state is State.TRAINABLE
        and row.tied_to is None
        and row.shape[:1] == (rows,)
    )
    if not trainable:
        return None
    size = megabytes(trainable * (FLOAT_BYTES + ADAMW_BYTES))
    return (
        f"This is an upper bound: it includes {size} of gradients and optimizer states for all "
        f"{rows:,} rows of the word embedding. A run needs them only for the rows that occur in "
        "its sentences."
    )


def _with_article(group: str) -> str:
    return f"the {group}" if group == "embeddings" else group
