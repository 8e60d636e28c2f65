"""FLOPs of matrix products, forward and backward: a multiply-add is two."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

_FACTORS = {  # where a node keeps the factors of its product, and which of its inputs they are
    "AddmmBackward0": ("mat1", "mat2", (1, 2)),
    "MmBackward0": ("self", "mat2", (0, 1)),
    "BmmBackward0": ("self", "mat2", (0, 1)),
    "BaddbmmBackward0": ("batch1", "batch2", (1, 2)),
}
_CONVOLUTION = "ConvolutionBackward0"
_FLASH = "ScaledDotProductFlashAttentionForCpuBackward0"
_FLASH_PRODUCTS = (
    5  # scores are computed again, then the gradients of values, scores, keys, queries
)


def forward_flops(operator: Any, args: Sequence[Any], kwargs: Any, result: Any) -> int:
    """FLOPs of one operator as it was called; 0 for all but products of matrices."""
    packet = operator._overloadpacket
    if packet is torch.ops.aten._scaled_dot_product_flash_attention_for_cpu:
        query, key, value = args[:3]
        return int(sdpa_flop_count(query.shape, key.shape, value.shape))  # type: ignore[no-untyped-call]
    formula = flop_registry.get(packet)
    return int(formula(*args, **kwargs, out_val=result)) if formula else 0


def backward_products(node: Any) -> Iterator[tuple[tuple[int, ...], int]]:
    """The products that an autograd node computes: (for the gradient of which inputs, FLOPs).

    The gradient of either factor of a product takes as many as the product itself.
    """
    kind = node.name()
    if kind == _FLASH:
        *batch, queries, width = node._saved_query.shape
        keys = node._saved_key.shape[-2]
        yield (0, 1, 2), _FLASH_PRODUCTS * 2 * prod(batch) * queries * keys * width
    elif kind == _CONVOLUTION:
        for number in (0, 1):
            yield (number,), 2 * prod(_shape(node)) * prod(node._saved_weight.shape[1:])
    elif kind in _FACTORS:
        first, second, inputs = _FACTORS[kind]
        kept = getattr(node, f"_saved_{first}", None)
        inner = kept.shape[-1] if kept is not None else getattr(node, f"_saved_{second}").shape[-2]
        for number in inputs:
            yield (number,), 2 * prod(_shape(node)) * int(inner)


def _shape(node: Any) -> Sequence[int]:
    """The shape of what the node's operator gave."""
    shape: Sequence[int] = node._input_metadata[0].shape
    return shape
