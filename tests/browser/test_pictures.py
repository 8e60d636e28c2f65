"""Pages drawn from prepared runs look as they did: no empty figure, no lost column, no other theme.

A reference that is missing is written by the test, which then fails: look at it, and run it again.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter
from playwright.sync_api import Browser, Page

from docs.pictures.prepared import prepare_runs
from docs.pictures.take import FIRST_VISIT, VIEWS, Theme, pictured, show, still, visiting
from mtl_core.settings import Settings
from tests.browser.likeness import MOST_MISSING, REDUCED, blanked, missing_share, reduced

pytestmark = pytest.mark.browser

REFERENCES = Path(__file__).with_name("references")
WIDE, NARROW = (1440, 900), (390, 1600)
TAKEN: dict[str, tuple[Theme, tuple[int, int]]] = {
    "freeze-gradual": ("light", WIDE),
    "compare": ("dark", WIDE),
    "plan": ("dark", NARROW),
    "checkpoints": ("light", NARROW),
}
SHORT = ("compare", "plan")
"""The pages of `make test`; `make prove` compares the others too."""
BY_NAME = {view.name: view for view in (*FIRST_VISIT, *VIEWS)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(home=tmp_path_factory.mktemp("pictures"), threads=1)
    prepare_runs(settings)
    with pictured(settings) as address:
        yield address


@pytest.fixture(scope="module")
def window(browser: Browser) -> Iterator[Page]:
    with visiting(browser) as page:
        yield page


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=[pytest.mark.long] * (each not in SHORT)) for each in TAKEN]
)
def test_a_page_looks_like_its_reference(
    window: Page, prepared: str, tmp_path: Path, name: str
) -> None:
    theme, size = TAKEN[name]
    show(window, prepared, BY_NAME[name], theme, size)
    now = reduced(still(window))
    file = REFERENCES / f"{name}.png"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        now.quantize(128).save(file, optimize=True)
        pytest.fail(f"{file} is new: look at it, then run this test again")
    reference = Image.open(file).convert("RGB")
    share = missing_share(reference, now)
    if share > MOST_MISSING:
        now.save(tmp_path / f"{name}.png")
    assert share <= MOST_MISSING, f"compare {tmp_path / file.name} with {file}"


def reference_of(name: str) -> Image.Image:
    return Image.open(REFERENCES / f"{name}.png").convert("RGB")


@pytest.mark.parametrize("name", TAKEN)
def test_another_drawing_of_the_same_letters_is_the_same_page(name: str) -> None:
    reference = reference_of(name)
    lighter = reference.filter(ImageFilter.GaussianBlur(0.7))
    heavier = Image.blend(reference, reference.filter(ImageFilter.MinFilter(3)), 0.1)
    moved = ImageChops.offset(reference, 1, 2)  # 4 and 8 pixels of the page
    for drawing in (lighter, heavier, moved):
        assert missing_share(reference, drawing) <= MOST_MISSING


# Left, top, right, bottom in pixels of the page.
REGIONS = {
    "the stack": ("freeze-gradual", (72, 377, 501, 816)),
    "the gradient's arrow": ("freeze-gradual", (410, 377, 520, 560)),
    "the memory of a step": ("freeze-gradual", (590, 580, 1380, 690)),
    "the names of parameters": ("freeze-gradual", (692, 720, 1000, 840)),
    "a figure of Compare": ("compare", (68, 350, 700, 620)),
    "a column of bars": ("compare", (240, 770, 380, 900)),
}


@pytest.mark.parametrize("what", REGIONS)
def test_an_empty_region_is_found(what: str) -> None:
    name, (left, top, right, bottom) = REGIONS[what]
    box = (left // REDUCED, top // REDUCED, right // REDUCED, bottom // REDUCED)
    reference = reference_of(name)
    assert missing_share(reference, blanked(reference, box)) > MOST_MISSING


@pytest.mark.parametrize("name", TAKEN)
def test_the_other_theme_is_found(name: str) -> None:
    reference = reference_of(name)
    assert missing_share(reference, ImageChops.invert(reference)) > MOST_MISSING
