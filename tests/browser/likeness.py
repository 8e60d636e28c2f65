"""How similar two pictures of a page are if fonts may be drawn differently."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

REDUCED = 4
"""A reference has a quarter of the width and height."""
BLOCK, MOVED = 8, 2  # reduced pixels: 32 and 8 of the page
DIFFERENT = 8.0
"""A block is missing in the other picture if no block within MOVED of its place has this mean
colour, in steps of 255 and up to this distance in each channel. Letters that are drawn heavier or a
line lower are found; a line of a chart, a label and a bar are not if they are gone."""
MOST_MISSING = 0.005
"""The share of blocks that may be missing. Without three cells of a column it is 0.009, without a
figure 0.02; heavier, lighter and moved letters are at most 0.003."""


def reduced(png: bytes) -> Image.Image:
    """A picture at the size of references."""
    return Image.open(BytesIO(png)).convert("RGB").reduce(REDUCED)


def missing_share(one: Image.Image, other: Image.Image) -> float:
    """The share of blocks of either picture that the other lacks; 1.0 for different sizes."""
    if one.size != other.size:
        return 1.0
    first, second = _block_means(one), _block_means(other)
    return max(_missing(first, second), _missing(second, first))


def _block_means(picture: Image.Image) -> Any:
    """`(rows, columns, 3)`: the mean colour of the block that begins at each pixel."""
    windows = sliding_window_view(np.asarray(picture, dtype=float), (BLOCK, BLOCK), axis=(0, 1))
    return windows.mean(axis=(3, 4))


def _missing(means: Any, others: Any) -> float:
    rows, columns = means.shape[:2]
    here = np.ix_(range(MOVED, rows - MOVED, BLOCK), range(MOVED, columns - MOVED, BLOCK))
    nearest = np.full(means[here].shape[:2], np.inf)
    for down in range(-MOVED, MOVED + 1):
        for right in range(-MOVED, MOVED + 1):
            there = np.roll(others, (-down, -right), axis=(0, 1))[here]
            nearest = np.minimum(nearest, np.abs(means[here] - there).max(axis=2))
    return float((nearest > DIFFERENT).mean())


def blanked(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """The picture with a rectangle in the colour of its corner, as if nothing were drawn there."""
    copy = picture.copy()
    copy.paste(picture.getpixel((1, picture.height - 1)), box)
    return copy
