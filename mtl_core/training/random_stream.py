"""A random stream of one's own, so that what one part draws never shifts another."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from mtl_core.training.device import random_numbers


class RandomStream:
    """A device's global generator, lent to one purpose: dropout draws from it and nothing else."""

    def __init__(self, seed: int, device: str = "cpu") -> None:
        self._state = torch.Generator(device).manual_seed(seed).get_state()
        self._global = random_numbers(torch.device(device))

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Draw from this stream inside the block; leave the global generator as it was."""
        others = self._global.get_rng_state()
        self._global.set_rng_state(self._state)
        try:
            yield
        finally:
            self._state = self._global.get_rng_state()
            self._global.set_rng_state(others)
