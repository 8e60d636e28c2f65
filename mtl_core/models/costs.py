"""What an encoder costs by its shapes alone: memory to train it, work for each token."""

from math import prod

from mtl_core.models.description import BackboneDescription, BackboneTensor, Role

FLOAT32_BYTES = 4
TRAINING_BYTES_PER_PARAMETER = 4 * FLOAT32_BYTES
"""A trainable parameter's weight, its gradient, and AdamW's two moments, each in float32."""


def training_bytes(parameters: int) -> int:
    """Bytes that `parameters` keep while all of them learn by AdamW.

    The activations of a batch come on top: they grow with the batch and the length of its texts.
    """
    return parameters * TRAINING_BYTES_PER_PARAMETER


def embedding_parameters(backbone: BackboneDescription) -> int:
    """Parameters below the stack: looked up, not multiplied."""
    return sum(
        prod(tensor.shape) for tensor in backbone.tensors if _is_own(tensor, Role.EMBEDDINGS)
    )


def multiplications_per_token(backbone: BackboneDescription) -> int:
    """Multiplications of one token with the matrices of the layers it passes through, forward.

    Every entry of a layer's matrix is multiplied once for each token; layers that share one set of
    weights count as often as they are passed. Attention between the tokens of a text comes on
    top and grows with its length. The backward pass of a full fine-tune costs about twice as much
    again, the same for all, so that ratios hold for training too.
    """
    of_its_own = sum(
        prod(tensor.shape)
        for tensor in backbone.tensors
        if _is_own(tensor, Role.LAYER) and len(tensor.shape) == 2
    )
    return of_its_own * backbone.depth // backbone.layers


def _is_own(tensor: BackboneTensor, role: Role) -> bool:
    return tensor.role is role and tensor.tied_to is None
