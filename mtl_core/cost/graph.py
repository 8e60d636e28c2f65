"""The autograd graph of a forward pass: nodes in order, and what each keeps for which gradient."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_leaves

_NEEDED_FOR = {
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
"""For the gradient of which inputs a node keeps a tensor, as torch's derivatives.yaml has it. What
is not listed is kept for the gradient of any."""


def kept_by(node: Any) -> Iterator[tuple[Tensor, Iterable[int]]]:
    """The tensors that a node keeps, each with the inputs (their numbers) for whose gradient."""
    kind, every_input = node.name(), range(len(node.next_functions))
    for attribute in dir(node):
        if not attribute.startswith("_saved_"):
            continue
        inputs = _NEEDED_FOR.get((kind, attribute.removeprefix("_saved_")), every_input)
        for tensor in tree_leaves(getattr(node, attribute)):
            if isinstance(tensor, Tensor):
                yield tensor, inputs


def from_below(root: Any) -> list[Any]:
    """The nodes of a graph, each after all that it rests on."""
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


def sequence(node: Any) -> int:
    """The node's place in the order in which the forward pass made them."""
    return int(node._sequence_nr())


def union(bits: Iterable[int]) -> int:
    """The parameters, one bit each, that any of these sets holds."""
    together = 0
    for each in bits:
        together |= each
    return together
