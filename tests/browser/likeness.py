"""How alike two pictures of a page are, where fonts may be drawn in another way."""

from io import BytesIO

import numpy as np
from PIL import Image

REDUCED = 4
"""A reference has a quarter of the width and height."""
BLOCK = 8  # reduced pixels: 32 of the page, one or two lines of text
DIFFERENT = 8.0
"""Two blocks differ if their mean colours are further apart, of 255 in any channel. Another way of
drawing the same letters moves the mean by a fifth of their ink, which is less."""
MOST_DIFFERENT = 0.02
"""The share of blocks that may differ: half of the smallest figure of a page."""


def reduced(png: bytes) -> Image.Image:
    """A picture at the size of references."""
    return Image.open(BytesIO(png)).convert("RGB").reduce(REDUCED)


def share_that_differs(one: Image.Image, other: Image.Image) -> float:
    """The share of blocks whose mean colours differ; 1.0 for pictures of different size."""
    if one.size != other.size:
        return 1.0
    distances = np.abs(_block_means(one) - _block_means(other)).max(axis=2)
    return float((distances > DIFFERENT).mean())


def _block_means(picture: Image.Image) -> np.ndarray:
    """`(rows, columns, 3)`: the mean colour of each whole block."""
    pixels = np.asarray(picture, dtype=float)
    rows, columns = (length // BLOCK for length in pixels.shape[:2])
    whole = pixels[: rows * BLOCK, : columns * BLOCK]
    return whole.reshape(rows, BLOCK, columns, BLOCK, 3).mean(axis=(1, 3))


def blanked(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """The picture with a rectangle in the colour of its corner, as if nothing were drawn there."""
    copy = picture.copy()
    copy.paste(copy.getpixel((1, 1)), box)
    return copy
