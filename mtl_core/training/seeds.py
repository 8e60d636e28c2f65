"""Separate random streams from one seed, so that what one part draws never shifts another."""

import hashlib


def stream_seed(seed: int, *name: str | int) -> int:
    """A seed for the stream called `name`: 63 bits of SHA-256 over the seed and the name.

    Scenarios of one seed share head initialisation and order, whatever else they draw.
    """
    digest = hashlib.sha256(repr((seed, *name)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
