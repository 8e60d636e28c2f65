"""Read the autograd graph of a forward pass: saved tensors, and the FLOPs of matrix products.

A multiply-add counts as two FLOPs.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_flop_count

_SAVED_FOR = {
    ("AddmmBackward0", "mat1"): (2,),
    ("AddmmBackward0", "mat2"): (1,),
    ("MmBackward0", "self"): (1,),
    ("MmBackward0", "mat2"): (0,),
    ("BmmBackward0", "self"): (1,),
    ("BmmBackward0", "mat2"): (0,),
    ("BaddbmmBackward0", "batch1"): (2,),
    ("BaddbmmBackward0", "batch2"): (1,),
    ("MulBackward0", "self"): (1,),
    ("MulBackward0", "other"): (0,),
    ("DivBackward0", "self"): (1,),
    ("ConvolutionBackward0", "input"): (1,),
    ("ConvolutionBackward0", "weight"): (0,),
}
"""The inputs for whose gradient a node saves a tensor, from torch's derivatives.yaml. A tensor that
is not listed is saved for the gradient of any input."""

_FACTORS = {  # attributes with the factors of a node's product, and the factors' input numbers
    "AddmmBackward0": ("mat1", "mat2", (1, 2)),
    "MmBackward0": ("self", "mat2", (0, 1)),
    "BmmBackward0": ("self", "mat2", (0, 1)),
    "BaddbmmBackward0": ("batch1", "batch2", (1, 2)),
}
_CONVOLUTION = "ConvolutionBackward0"
_FLASH = "ScaledDotProductFlashAttentionForCpuBackward0"
_FLASH_PRODUCTS = 5  # scores are recomputed; then gradients of values, scores, keys and queries


def saved_tensors(node: Any) -> Iterator[tuple[Tensor, Iterable[int]]]:
    """Yield each tensor that a node saves, with the numbers of the inputs that need it.

    Such an input's gradient is computed from the saved tensor.
    """
    kind, every_input = node.name(), range(len(node.next_functions))
    for attribute in dir(node):
        if not attribute.startswith("_saved_"):
            continue
        inputs = _SAVED_FOR.get((kind, attribute.removeprefix("_saved_")), every_input)
        for tensor in tree_leaves(getattr(node, attribute)):
            if isinstance(tensor, Tensor):
                yield tensor, inputs


def topological_order(root: Any) -> list[Any]:
    """The nodes of a graph, each after the nodes of its inputs."""
    ordered: dict[Any, None] = {}
    waiting = [root]
    while waiting:
        node = waiting[-1]
        missing = [b for b, _ in node.next_functions if b is not None and b not in ordered]
        if not missing or node in ordered:
            ordered.setdefault(waiting.pop())
        else:
            waiting += missing
    return list(ordered)


def sequence_number(node: Any) -> int:
    """The position of a node in the order of creation during the forward pass."""
    return int(node._sequence_nr())


def union(sets: Iterable[int]) -> int:
    """The union of sets of parameters, each given as an integer with one bit per parameter."""
    result = 0
    for each in sets:
        result |= each
    return result


def forward_flops(operator: Any, args: Sequence[Any], kwargs: Any, result: Any) -> int:
    """FLOPs of one operator call; 0 for operators other than matrix products."""
    packet = operator._overloadpacket
    if packet is torch.ops.aten._scaled_dot_product_flash_attention_for_cpu:
        query, key, value = args[:3]
        return int(sdpa_flop_count(query.shape, key.shape, value.shape))  # type: ignore[no-untyped-call]
    formula = flop_registry.get(packet)
    return int(formula(*args, **kwargs, out_val=result)) if formula else 0


def backward_products(node: Any) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield the products of a node's backward pass: (inputs whose gradient needs it, FLOPs).

    The gradient of either factor of a product takes as many FLOPs as the product itself.
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
        factor = getattr(node, f"_saved_{first}", None)
        if factor is not None:
            inner = factor.shape[-1]
        else:
            inner = getattr(node, f"_saved_{second}").shape[-2]
        for number in inputs:
            yield (number,), 2 * prod(_shape(node)) * int(inner)


def _shape(node: Any) -> Sequence[int]:
    """The output shape of the node's operator."""
    shape: Sequence[int] = node._input_metadata[0].shape
    return shape
