"""Gradient checkpointing: layers are computed again in the backward pass instead of being stored.

It saves most of the memory of activations for about a third more computation (Chen et al. 2016,
"Training Deep Nets with Sublinear Memory Cost").
"""

from typing import TYPE_CHECKING

from mtl_core.errors import InvalidRun

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def use_gradient_checkpointing(backbone: "PreTrainedModel") -> None:
    """Compute each layer that learns again in the backward pass.

    Layers in eval mode are not affected: those that do not learn, unless they have dropout. Raises
    InvalidRun if the architecture has no layers that can be computed again.
    """
    try:
        backbone.activation_checkpointing_enable({"use_reentrant": False})
    except ValueError:
        raise InvalidRun(
            f"The architecture '{backbone.config.model_type}' has no gradient checkpointing. Omit "
            "--gradient-checkpointing; a smaller --micro-batch-size needs less memory too."
        ) from None
    # transformers lets the output of the embeddings require a gradient, which non-reentrant
    # checkpointing does not need. Frozen layers would then take part in the backward pass.
    backbone.disable_input_require_grads()
