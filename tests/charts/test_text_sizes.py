"""No text of a figure is smaller than 12 pixels."""

import re
from pathlib import Path

import pytest

CHARTS = [*sorted(Path("mtl_core/charts").glob("*.py")), Path("mtl_core/ui/play/figure.py")]
SIZES = (
    re.compile(r'font"?\s*[=:]\s*\{"size":\s*([\d.]+)'),
    re.compile(r'"minsize":\s*([\d.]+)'),
    re.compile(r'font-size[=:]"?([\d.]+)'),
)


@pytest.mark.parametrize("module", CHARTS, ids=lambda module: module.stem)
def test_no_text_is_below_twelve_pixels(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    sizes = [float(size) for pattern in SIZES for size in pattern.findall(source)]
    assert [size for size in sizes if size < 12] == []


def test_the_patterns_find_sizes() -> None:
    source = "".join(module.read_text(encoding="utf-8") for module in CHARTS)
    assert all(pattern.search(source) for pattern in SIZES)
