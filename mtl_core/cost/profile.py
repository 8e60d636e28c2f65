"""What a backbone's training step costs, as a value: which tensors make it keep and compute what.

A profile needs no weights and no torch to read. It is traced once by `cost.trace` and shipped for
the catalogue, as descriptions are.

Autograd keeps a tensor for the backward pass, or computes a product in it, exactly if one of
certain parameters learns: an activation that is needed for the gradient of a weight, if that weight
learns; one that the gradient passes through, if anything below learns. So the cost of every freeze
plan is a sum over terms, each with the parameters that bring it about.
"""

from collections.abc import Iterable

from mtl_core.values import Frozen


class Amount(Frozen):
    """Bytes or FLOPs as a function of the batch: a sum of `factor * batch**b * tokens**t`.

    `parts` are (factor, b, t).
    """

    parts: tuple[tuple[int, int, int], ...] = ()

    def of(self, batch_size: int, tokens: int) -> int:
        """The amount for `batch_size` sentences of `tokens` sub-words each."""
        return sum(factor * batch_size**b * tokens**t for factor, b, t in self.parts)

    def __add__(self, other: "Amount") -> "Amount":
        return total_amount((self, other))


def total_amount(amounts: Iterable[Amount]) -> Amount:
    """The sum of amounts, as one amount."""
    factors: dict[tuple[int, int], int] = {}
    for amount in amounts:
        for factor, b, t in amount.parts:
            factors[b, t] = factors.get((b, t), 0) + factor
    return Amount(parts=tuple((factor, b, t) for (b, t), factor in sorted(factors.items())))


class Cause(Frozen):
    """When something is kept or computed: if one of these tensors learns.

    Tensors are numbered in the order in which the forward pass uses them. `below`: any numbered
    lower than this. `also`: these too. `training` and `resting` number the profile's parts that
    must run in training and in evaluation mode: a resting part has no dropout, and its attention
    takes another path.
    """

    below: int = 0
    also: tuple[int, ...] = ()
    training: tuple[int, ...] = ()
    resting: tuple[int, ...] = ()


class KeptTerm(Frozen):
    """Activations that are kept for the backward pass if any of the causes holds."""

    bytes: Amount
    causes: tuple[Cause, ...]


class BackwardTerm(Frozen):
    """Products of the backward pass that are computed if the cause holds."""

    flops: Amount
    cause: Cause


class CostProfile(Frozen):
    """One architecture's costs, apart from heads, weights and optimizer.

    `tensors` are the names that a loss can reach, in the order of their use. `parts` are modules
    with dropout or attention of their own, as numbers of their tensors: a part trains if one of
    these learns. `forward` has an entry for what comes before the stack, one for each layer a
    token passes, and one for what comes after.
    """

    tensors: tuple[str, ...]
    parts: tuple[tuple[int, ...], ...]
    forward: tuple[Amount, ...]
    kept: tuple[KeptTerm, ...]
    backward: tuple[BackwardTerm, ...]
