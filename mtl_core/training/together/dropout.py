"""Dropout masks from several random streams."""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

_PRECISION_BITS = 53


class DropoutStream:
    """Draws the masks that dropout draws from torch's generator with the same seed.

    Without MKL's generator, torch draws a Bernoulli number from 64 bits of a Mersenne Twister, one
    number at a time. NumPy has the same generator and compares whole arrays, in about half of the
    time. Where a test shows other numbers, torch draws them.
    """

    def __init__(self, seed: int) -> None:
        self._torch = torch.Generator().manual_seed(seed)
        self._numpy = _twister(seed) if _draws_are_equal() else None

    def draw(self, mask: Tensor, keep: float) -> None:
        """Fill `mask` (rows, width), float32, with 1 at a probability of `keep`, otherwise 0."""
        if self._numpy is None:
            mask.bernoulli_(keep, generator=self._torch)
        else:
            _draw(self._numpy, mask, keep)


def _draw(stream: Any, mask: Tensor, keep: float) -> None:
    random = stream.integers(0, 2**64, size=tuple(mask.shape), dtype=np.uint64)
    random &= np.uint64(2**_PRECISION_BITS - 1)
    limit = np.uint64(int(np.ceil(keep * 2.0**_PRECISION_BITS)))
    np.less(random, limit, out=mask.numpy())


def _twister(seed: int) -> Any:
    """Return NumPy's generator in the state of torch's with this seed, which uses 32 bits of it."""
    key = np.random.RandomState(seed & 0xFFFFFFFF).get_state(legacy=False)["state"]["key"]
    bits = np.random.MT19937()
    bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": len(key)}}
    return np.random.Generator(bits)


@cache
def _draws_are_equal() -> bool:
    """Whether NumPy draws the masks that torch draws, in two masks of one stream."""
    streams = torch.Generator().manual_seed(2**40 + 7), _twister(2**40 + 7)
    for keep, shape in ((0.9, (3, 999)), (0.3, (17, 5))):
        expected, found = torch.empty(shape), torch.empty(shape)
        expected.bernoulli_(keep, generator=streams[0])
        _draw(streams[1], found, keep)
        if not torch.equal(expected, found):
            return False
    return True
