"""Cost profiles: the cost of a backbone's training step as a function of the trainable tensors.

`cost.trace` creates a profile from an architecture; profiles of the catalogue are shipped. Reading
one needs no weights and no torch.

Autograd saves a tensor for the backward pass, or computes a product in it, only if certain
parameters are trainable. An input of a weight's gradient is saved if that weight is trainable. A
tensor that the gradient passes through is saved if any parameter below is trainable. The cost of a
freeze plan is therefore a sum over terms, each with the parameters that cause it.
"""

from collections.abc import Iterable

from mtl_core.values import Frozen


class Amount(Frozen):
    """Bytes or FLOPs as a function of batch size: the sum of `factor * batch**b * tokens**t`.

    `parts` are (factor, b, t).
    """

    parts: tuple[tuple[int, int, int], ...] = ()

    def of(self, batch_size: int, tokens: int) -> int:
        """Evaluate the amount for `batch_size` sentences of `tokens` tokens each."""
        return sum(factor * batch_size**b * tokens**t for factor, b, t in self.parts)

    def __add__(self, other: "Amount") -> "Amount":
        return total_amount((self, other))


def total_amount(amounts: Iterable[Amount]) -> Amount:
    """Add up amounts into one."""
    factors: dict[tuple[int, int], int] = {}
    for amount in amounts:
        for factor, b, t in amount.parts:
            factors[b, t] = factors.get((b, t), 0) + factor
    return Amount(parts=tuple((factor, b, t) for (b, t), factor in sorted(factors.items())))


class Cause(Frozen):
    """The condition for a term: at least one of these tensors is trainable.

    Tensors are numbered in the order in which the forward pass uses them. The condition names all
    tensors with a number lower than `below`, and those in `also`. In addition, the profile's parts
    in `training` must run in training mode and those in `resting` in evaluation mode. Evaluation
    mode turns dropout off and selects another attention kernel.
    """

    below: int = 0
    also: tuple[int, ...] = ()
    training: tuple[int, ...] = ()
    resting: tuple[int, ...] = ()


class SavedTerm(Frozen):
    """Activations saved for the backward pass if any of the causes applies."""

    bytes: Amount
    causes: tuple[Cause, ...]


class BackwardTerm(Frozen):
    """Products computed in the backward pass if the cause applies."""

    flops: Amount
    cause: Cause


class CostProfile(Frozen):
    """The costs of one architecture, without heads, weights and optimizer.

    `tensors` are the names that a loss can reach, in the order of their use. `parts` are modules
    that behave differently in training mode, each as the numbers of its tensors; a part is in
    training mode if one of them is trainable. `forward` has one entry for the operators before the
    layers, one per layer, and one for the operators after them. `kept` are the saved activations.
    """

    tensors: tuple[str, ...]
    parts: tuple[tuple[int, ...], ...]
    forward: tuple[Amount, ...]
    kept: tuple[SavedTerm, ...]
    backward: tuple[BackwardTerm, ...]
