"""Learning rates below the resolution of float32, at which a step rounds to nothing.

docs/measures.md derives the criterion.
"""

HALF_SPACING = 2.0**-25
"""A float32 weight `w` keeps its value if a step is smaller than |w| times this."""

LAYERNORM_SIZE = 1.0
"""The usual size of a LayerNorm's weights: they start at 1. Those of published encoders are mostly
between 0.3 and 1.5. Without the weights, no other tensor's size is known."""


def rounds_to_nothing(rate: float, size: float) -> bool:
    """Whether a float32 weight of this absolute size keeps its value after a step of size `rate`.

    AdamW's step is about as large as the learning rate.
    """
    return rate < size * HALF_SPACING
