"""Clips gradients by their norm, as `torch.nn.utils.clip_grad_norm_` does."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.optim import AdamW

_SMALL = 1e-6
"""Added to the norm, as in `clip_grad_norm_`."""


def clip_before_step(
    adamw: AdamW, parameters: Sequence[nn.Parameter], norm: Tensor, max_norm: float
) -> None:
    """Clip the gradients of `parameters`, whose norm is `norm`, before the next `adamw.step()`.

    On the CPU, the fused AdamW divides the gradients by `grad_scale` while it reads them, which
    saves a pass over all of them.
    """
    if norm.device.type == "cpu":
        adamw.grad_scale = ((norm + _SMALL) / max_norm).clamp(min=1.0)  # type: ignore[attr-defined]
    else:
        nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
