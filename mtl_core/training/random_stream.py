"""A random stream of one's own, so that what one part draws never shifts another."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class RandomStream:
    """torch's global generator, lent to one purpose: dropout draws from it and nothing else."""

    def __init__(self, seed: int) -> None:
        self._state = torch.Generator().manual_seed(seed).get_state()

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Draw from this stream inside the block; leave the global generator as it was."""
        others = torch.get_rng_state()
        torch.set_rng_state(self._state)
        try:
            yield
        finally:
            self._state = torch.get_rng_state()
            torch.set_rng_state(others)
