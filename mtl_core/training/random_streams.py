"""Separate random streams of one seed, so that draws for one purpose never shift others."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager


def stream_seed(seed: int, *name: str | int) -> int:
    """Return the seed of the stream `name`: 63 bits of SHA-256 over the seed and the name.

    All scenarios of one seed share head initialisation and order, whatever else they draw.
    """
    digest = hashlib.sha256(repr((seed, *name)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class RandomStream:
    """A random stream that uses a device's global generator for one purpose, such as dropout.

    `state` is the state of the generator before the next draw.
    """

    def __init__(self, seed: int, device: str = "cpu") -> None:
        import torch  # the server imports this module for `stream_seed` and never loads torch

        from mtl_core.training.device import random_state_module

        self.state = torch.Generator(device).manual_seed(seed).get_state()
        self._global = random_state_module(torch.device(device))

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Draw from this stream inside the block; restore the global generator afterwards."""
        others = self._global.get_rng_state()
        self._global.set_rng_state(self.state)
        try:
            yield
        finally:
            self.state = self._global.get_rng_state()
            self._global.set_rng_state(others)
