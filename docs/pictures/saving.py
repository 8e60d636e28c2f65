"""Writes pictures so that a second call leaves those that look the same untouched."""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops

_SINGLE_PIXELS, _TRACE = 300, 24  # of 255 levels


def save(file: Path, picture: bytes) -> None:
    """Write a PNG, unless it differs from the present one by traces in single pixels.

    Chromium rounds single pixels of lines one way or the other, and a second picture of the same
    page would be a change in the repository.
    """
    if not file.exists() or not nearly_equal(file.read_bytes(), picture, _TRACE):
        file.write_bytes(picture)


def nearly_equal(one: bytes, other: bytes, most_levels: int = 255) -> bool:
    """Whether two PNGs differ in single pixels only, by at most so many of 255 levels."""
    first, second = (Image.open(BytesIO(each)).convert("RGB") for each in (one, other))
    if first.size != second.size:
        return False
    different = ImageChops.difference(first, second)
    most = max(high for _, high in different.getextrema())
    pixels = sum(different.convert("L").histogram()[1:])
    return most <= most_levels and pixels <= _SINGLE_PIXELS
