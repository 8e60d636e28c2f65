"""Draws the masks of dropout from 16 random bits an element instead of 64.

On the CPU, torch's kernel draws one 64-bit random number for each element of a mask, on one
thread, and a step that trains the whole encoder needs millions of elements. Four elements share
a random number here, and the comparison is vectorized.
"""

from typing import Any
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor

_LANES = 4
"""Elements that share a 64-bit random number."""

_HALF = 2**15
_registrations: list[torch.library.Library] = []  # a registration ends when its object is deleted


def use_fast_dropout() -> None:
    """Replace the CPU kernel of `Tensor.bernoulli_`, which dropout calls, in this process.

    The probability is rounded to a multiple of 2^-16: dropout at 0.1 zeroes an element with
    probability 0.100006. The numbers come from torch's generator, so that seeds and saved states
    work as before. A mask differs from the one that torch's own kernel draws for the same seed.
    """
    if _registrations:
        return
    library = torch.library.Library("aten", "IMPL")  # type: ignore[no-untyped-call]
    with catch_warnings():
        simplefilter("ignore")  # torch warns that its own kernel is replaced
        library.impl("bernoulli_.float", _bernoulli, "CPU", allow_override=True)  # type: ignore[no-untyped-call]
    _registrations.append(library)


def _bernoulli(mask: Tensor, p: float = 0.5, *, generator: Any = None) -> Tensor:
    """`mask.bernoulli_(p)`: 1 with probability `p`, otherwise 0."""
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    ones = round(p * 2**16) - _HALF  # the lanes are uniform in [-_HALF, _HALF)
    if ones == _HALF:
        return mask.fill_(1.0)
    words = torch.empty(-(-mask.numel() // _LANES), dtype=torch.int64)
    lanes = words.random_(-(2**63), None, generator=generator).view(torch.int16)
    torch.lt(lanes[: mask.numel()].view(mask.shape), ones, out=mask)
    return mask
