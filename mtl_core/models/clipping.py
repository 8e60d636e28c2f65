"""Clips gradients by their norm, as `torch.nn.utils.clip_grad_norm_` does."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_SMALL = 1e-6
"""Added to the norm, as in `clip_grad_norm_`."""


def clipping_divisor(
    parameters: Sequence[nn.Parameter], norm: Tensor, max_norm: float
) -> Tensor | None:
    """Return the `grad_scale` with which the fused AdamW clips gradients; None if they are clipped.

    `norm` is the norm of the gradients of all `parameters`: (). On the CPU, the fused AdamW divides
    gradients by `grad_scale` while it reads them, which saves a pass over all of them. Elsewhere
    they are clipped here.
    """
    if norm.device.type == "cpu":
        return ((norm + _SMALL) / max_norm).clamp(min=1.0)
    nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
    return None


def clip_before_step(
    adamw: torch.optim.AdamW, parameters: Sequence[nn.Parameter], norm: Tensor, max_norm: float
) -> None:
    """Clip the gradients of `parameters`, whose norm is `norm`, before the next `adamw.step()`."""
    adamw.grad_scale = clipping_divisor(parameters, norm, max_norm)  # type: ignore[attr-defined]
