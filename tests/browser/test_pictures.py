"""Pages drawn from prepared runs look as they did: no empty figure, no lost column, no other theme.

A reference that is missing is written by the test, which then fails: look at it, and run it again.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter
from playwright.sync_api import Browser

from docs.pictures.prepared import prepare_runs
from docs.pictures.take import FIRST_VISIT, SIZES, VIEWS, Theme, pictured, show, still, visiting
from mtl_core.settings import Settings
from tests.browser.likeness import MOST_DIFFERENT, REDUCED, blanked, reduced, share_that_differs

pytestmark = pytest.mark.browser

REFERENCES = Path(__file__).with_name("references")
TAKEN: dict[str, tuple[Theme, tuple[int, int]]] = {
    "freeze-gradual": ("light", SIZES[0]),
    "compare": ("dark", SIZES[0]),
    "train-finished": ("dark", SIZES[1]),
    "guide-decisions": ("light", SIZES[1]),
}
BY_NAME = {view.name: view for view in (*FIRST_VISIT, *VIEWS)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(home=tmp_path_factory.mktemp("pictures"), threads=1)
    prepare_runs(settings)
    with pictured(settings) as address:
        yield address


@pytest.mark.parametrize("name", TAKEN)
def test_a_page_looks_like_its_reference(
    browser: Browser, prepared: str, tmp_path: Path, name: str
) -> None:
    theme, size = TAKEN[name]
    with visiting(browser, theme) as page:
        show(page, prepared, BY_NAME[name], size)
        now = reduced(still(page))
    file = REFERENCES / f"{name}.png"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        now.quantize(128).save(file, optimize=True)
        pytest.fail(f"{file} is new: look at it, then run this test again")
    reference = Image.open(file).convert("RGB")
    share = share_that_differs(reference, now)
    if share > MOST_DIFFERENT:
        now.save(tmp_path / f"{name}.png")
    assert share <= MOST_DIFFERENT, f"compare {tmp_path / file.name} with {file}"


def reference_of(name: str) -> Image.Image:
    return Image.open(REFERENCES / f"{name}.png").convert("RGB")


@pytest.mark.parametrize("name", TAKEN)
def test_another_drawing_of_the_same_letters_is_the_same_page(name: str) -> None:
    reference = reference_of(name)
    heavier = reference.filter(ImageFilter.GaussianBlur(0.7))
    moved = ImageChops.offset(reference, 0, 1)  # four pixels of the page
    assert share_that_differs(reference, heavier) <= MOST_DIFFERENT
    assert share_that_differs(reference, moved) <= MOST_DIFFERENT


# Left, top, right, bottom in pixels of the page.
REGIONS = {}


@pytest.mark.parametrize(("what", "name", "box"), REGIONS)
def test_an_empty_region_is_found(what: str, name: str, box: tuple[int, int, int, int]) -> None:
    reference = reference_of(name)
    empty = blanked(reference, tuple(each // REDUCED for each in box))
    assert share_that_differs(reference, empty) > MOST_DIFFERENT


@pytest.mark.parametrize("name", TAKEN)
def test_the_other_theme_is_found(name: str) -> None:
    reference = reference_of(name)
    assert share_that_differs(reference, ImageChops.invert(reference)) > MOST_DIFFERENT
