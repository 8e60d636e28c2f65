"""The memory of a training step on a GPU, computed from its cost and never run.

In float32 a step holds what `StepCost.memory_bytes` counts: activations are those that autograd
saves on the CPU, and fused kernels on a GPU save fewer. With bfloat16 autocast the weights, their
gradients and AdamW's moments stay in float32, autocast holds a second copy of the trained weights
in bfloat16 (of weights without a gradient it holds none), and activations take half the bytes at
best: LayerNorm and softmax stay in float32.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from mtl_core.cost.estimate import FLOAT_BYTES, StepCost

RESERVED_BYTES = 1_000_000_000
"""Left free on a card for CUDA, its libraries and the blocks that the allocator cannot use."""

_HALF = 2  # float32 has twice the bytes of bfloat16


@dataclass(frozen=True, slots=True)
class Card:
    """Cards with the same memory, in bytes."""

    names: str
    memory_bytes: int


CARDS = tuple(
    Card(names, gigabytes * 10**9)
    for gigabytes, names in (
        (8, "RTX 4060"),
        (12, "RTX 3060, RTX 4070"),
        (16, "T4, V100, RTX 4080"),
        (24, "L4, A10, RTX 3090, RTX 4090"),
        (40, "A100 40 GB"),
        (80, "A100 80 GB, H100"),
    )
)
"""Common cards by memory, as their makers state it."""


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """Bytes of one step on a GPU, by precision; those of bfloat16 are a lower bound."""

    float32: int
    bfloat16: int


@dataclass(frozen=True, slots=True)
class CardFit:
    """The largest batch that a card holds, by precision; 0 if not even one sentence fits."""

    card: Card
    float32: int
    bfloat16: int


def gpu_memory(cost: StepCost) -> GpuMemory:
    """The memory of one step, without `RESERVED_BYTES`."""
    copy = cost.gradient_bytes // _HALF  # as many values as weights that are trained
    return GpuMemory(
        float32=cost.memory_bytes,
        bfloat16=cost.memory_bytes - cost.saved_activation_bytes // _HALF + copy,
    )


def card_fits(cost: StepCost) -> list[CardFit]:
    """The largest batch of each card, for sentences as long as those of `cost`.

    The activations grow in proportion to the batch; all other bytes do not depend on it.
    """
    memory, activations = gpu_memory(cost), cost.saved_activation_bytes
    return [
        CardFit(
            card,
            _largest_batch(card, memory.float32, activations, cost.batch_size),
            _largest_batch(card, memory.bfloat16, activations // _HALF, cost.batch_size),
        )
        for card in CARDS
    ]


def fit_sentence(cost: StepCost) -> str:
    """The smallest of the common cards that holds the step, by precision.

    For example `In float32 it fits on a card of 12 GB or more; with bfloat16, 8 GB may do.`
    """
    fits = card_fits(cost)
    full = _smallest([each.card for each in fits if each.float32 >= cost.batch_size])
    half = _smallest([each.card for each in fits if each.bfloat16 >= cost.batch_size])
    if full is None:
        if half is None:
            return f"It fits on none of the common cards, up to {_gigabytes(CARDS[-1])}."
        card = _gigabytes(half)
        return f"In float32 it fits on none of the common cards; with bfloat16, {card} may do."
    sentence = f"In float32 it fits on a card of {_gigabytes(full)} or more"
    if half is None or half.memory_bytes >= full.memory_bytes:
        return f"{sentence}."
    return f"{sentence}; with bfloat16, {_gigabytes(half)} may do."


def _smallest(cards: Sequence[Card]) -> Card | None:
    return min(cards, key=lambda card: card.memory_bytes, default=None)


def _gigabytes(card: Card) -> str:
    return f"{card.memory_bytes / 1e9:.0f} GB"


def _largest_batch(card: Card, memory: int, activations: int, batch_size: int) -> int:
    per_sentence = activations / batch_size
    free = card.memory_bytes - RESERVED_BYTES - (memory - activations)
    return max(0, floor(free / max(per_sentence, FLOAT_BYTES)))
