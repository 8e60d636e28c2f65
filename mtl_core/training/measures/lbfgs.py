"""L-BFGS for small smooth convex functions.

torch's and scipy's implementations take a second of every run to import.
Source: Nocedal and Wright 2006, algorithms 7.4 and 3.1.
"""

from collections.abc import Callable

import torch
from torch import Tensor

ITERATIONS = 100
_TOLERANCE = 1e-6  # of the gradient's largest component
_PAIRS = 10
_DECREASE = 1e-4  # of the loss, relative to the slope
_HALVINGS = 30

LossAndGradient = Callable[[Tensor], tuple[Tensor, Tensor]]


@torch.no_grad()
def minimum(function: LossAndGradient, start: Tensor) -> Tensor:
    """Return the values at which `function` is smallest, after 100 iterations at most.

    `function` returns a loss, (), and its gradient, of the shape of `start`.
    """
    values = start
    loss, gradient = function(values)
    pairs: list[tuple[Tensor, Tensor]] = []
    for _ in range(ITERATIONS):
        if gradient.abs().max() <= _TOLERANCE:
            break
        direction = _direction(gradient, pairs)
        slope, size = _inner(gradient, direction), 1.0
        for _ in range(_HALVINGS):
            next_values = values + size * direction
            next_loss, next_gradient = function(next_values)
            if next_loss <= loss + _DECREASE * size * slope:
                break
            size /= 2
        pair = next_values - values, next_gradient - gradient
        if _inner(*pair) > 0:  # always so for a strictly convex function, up to rounding
            pairs = [*pairs, pair][-_PAIRS:]
        values, loss, gradient = next_values, next_loss, next_gradient
    return values


def _direction(gradient: Tensor, pairs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Return minus the gradient times an estimate of the inverse second derivatives."""
    direction, weights = -gradient, []
    for step, change in reversed(pairs):
        weights.append(_inner(step, direction) / _inner(step, change))
        direction = direction - weights[-1] * change
    if pairs:
        step, change = pairs[-1]
        direction = direction * (_inner(step, change) / _inner(change, change))
    for (step, change), weight in zip(pairs, reversed(weights), strict=True):
        direction = direction + (weight - _inner(change, direction) / _inner(step, change)) * step
    return direction


def _inner(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).sum()
