"""Takes the pictures of README and docs: `python docs/pictures/take.py [FOLDER [VIEW …]]`.

With FOLDER it also takes every page there, light and dark, 1440 and 390 pixels wide, in its whole
length; with names, such as `compare guide-claims`, only these. A second call on one machine changes
no picture: the runs have fixed ids and times (`prepared.py`), a picture is taken once the page no
longer changes, and a present one of which single pixels would change by a trace stays as it is.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.pictures.prepared import (  # noqa: E402
    DAY,
    FINISHED,
    MODELS,
    RUNNING,
    models_in_training,
    prepare_runs,
    store_models,
)
from docs.pictures.rates import take_rates  # noqa: E402
from docs.pictures.saving import nearly_equal, save  # noqa: E402
from mtl_core.settings import Settings  # noqa: E402
from tests.browser.serving import launched, served  # noqa: E402

HERE = Path(__file__).parent
SAME_TEXT = (
    "--force-device-scale-factor=1",
    "--disable-lcd-text",
    "--font-render-hinting=none",
    "--disable-font-subpixel-positioning",  # a fraction of a pixel moves what follows a text
    "--hide-scrollbars",
    # threads of Chromium finish in another order each time; these decide what a pixel depends on
    "--disable-gpu",
    "--disable-composited-antialiasing",
    "--disable-partial-raster",
    "--num-raster-threads=1",
    "--disable-skia-runtime-opts",
    "--run-all-compositor-stages-before-draw",
    "--disable-threaded-animation",
    "--disable-threaded-scrolling",
    "--disable-checker-imaging",
    "--disable-new-content-rendering-timeout",
)
DEADLINE = 120_000  # milliseconds
_LONGEST = 12_000  # pixels
_MOST_TRIES, _EXACT_TRIES = 40, 10

PLAN = """name: two steps
phases:
- {name: heads, train: [heads]}
- {name: top, train: [heads, 'top:2']}
freeze: ['*.LayerNorm.*']
"""
SENTENCE = "The staff in Oslo was kind and Anna loved the hotel."
WATCHED = """
setInterval(() => {  // before a table measures its text
  document.fonts.forEach(it => { if (it.status === 'unloaded') it.load(); });
}, 5);
window.lastChange = performance.now();
new MutationObserver(() => { window.lastChange = performance.now(); })
  .observe(document, { childList: true, subtree: true, characterData: true, attributes: true });
"""
READY = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  const all = (where, holds) => [...document.querySelectorAll(where)].every(holds);
  const drawn = (it, what) => !it.checkVisibility() || it.querySelector(what) !== null;
  return app !== null
    && performance.now() - window.lastChange > 500   // words are underlined 400 ms after a change
    && app.dataset.testConnectionState === 'CONNECTED'
    && app.dataset.testScriptState === 'notRunning'
    && !document.body.innerText.includes('Computing two baselines')
    && document.fonts.status === 'loaded'
    && document.querySelector('h1') !== null
    && document.querySelector('[data-testid="stSkeleton"], [data-stale="true"]') === null
    && all('[data-testid="stPlotlyChart"], .freeze-lab-plot', it => drawn(it, '.main-svg'))
    && all('[data-testid="stDataFrame"]', it => drawn(it, 'canvas'))
    && all('img', it => it.complete);
}"""
"""Whether Streamlit has drawn the page, in JavaScript."""
DATED = """([today, fixed]) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (text.data.includes(today)) text.data = text.data.replace(today, fixed);
  }
}"""
"""Replaces the date of today, which some pages show."""


Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
SIZES = ((1440, 900), (390, 844))
"""The documents have pictures in the first theme and size."""


@dataclass(frozen=True)
class View:
    """A page in one state; `document` is the name of its picture in README and docs."""

    name: str
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    document: str | None = None


FIRST_VISIT = (
    View("freeze", document="freeze"),
    View("train-first", "train"),
    View("predict-first", "predict"),
)
"""Views of a store that has only the included runs."""
VIEWS = (
    View("freeze-gradual", query={"scenario": "gradual", "phase": "2"}),
    View("play", query={"play": ",".join(MODELS.values())}),
    View("checkpoints", "checkpoints"),
    View("plan", "plan", {"plan": PLAN}),
    View("train", "train"),
    View("train-running", "train", {"run": RUNNING}, document="train"),
    View("train-finished", "train", {"run": FINISHED}),
    View("compare", "compare", document="compare"),
    View(
        "predict",
        "predict",
        {"runs": ",".join(["before-training", *MODELS.values()]), "text": SENTENCE},
        document="predict",
    ),
    View("guide", "guide"),
    View("guide-claims", "guide", {"guide_part": "Claims"}),
    View("guide-decisions", "guide", {"guide_part": "Decisions"}, document="guide"),
    View("data", "data"),
)
"""Views of a store with prepared runs."""


def main() -> None:
    """Take the pictures of the documents, and those of all views in the folder that is given."""
    folder, names = (Path(sys.argv[1]) if sys.argv[1:] else None), sys.argv[2:]
    first, later = (_named(views, names, folder) for views in (FIRST_VISIT, VIEWS))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as home:
        settings = Settings(home=Path(home), threads=1)
        with pictured(settings) as address, models_in_training(settings) as models:
            take(address, first, folder)
            prepare_runs(settings)
            store_models(settings, models)
            take(address, later, folder)
    if not names:
        with sync_playwright() as playwright:
            take_rates(launched(playwright, SAME_TEXT), HERE / "rates.png")


def _named(views: Sequence[View], names: Sequence[str], folder: Path | None) -> list[View]:
    """The views with these names; without names all, or without a folder those of documents."""
    if unknown := set(names) - {each.name for each in (*FIRST_VISIT, *VIEWS)}:
        raise SystemExit(f"There is no view {', '.join(sorted(unknown))}.")
    wanted = [each for each in views if not names or each.name in names]
    return wanted if folder is not None else [each for each in wanted if each.document]


@contextmanager
def pictured(settings: Settings) -> Iterator[str]:
    """The address of a dashboard that knows no checkpoints or data of this machine."""
    nothing = str(settings.home / "nothing")
    with served(
        settings,
        TZ="UTC",
        LC_ALL="C.UTF-8",
        HF_HUB_CACHE=nothing,
        FREEZE_LAB_CHECKPOINTS="",
        FREEZE_LAB_DATA="",
    ) as address:
        yield address


def take(address: str, views: Sequence[View], folder: Path | None) -> None:
    """Take views for the documents, and in `folder` in both themes and widths."""
    if not views:
        return
    themes = THEMES if folder is not None else THEMES[:1]
    with ThreadPoolExecutor(len(themes)) as pool:
        for done in [pool.submit(take_theme, address, views, each, folder) for each in themes]:
            done.result()


def take_theme(address: str, views: Sequence[View], theme: Theme, folder: Path | None) -> None:
    """Take views in one theme, in a browser of their own.

    A page is loaded in each size: a window that gets another size leaves columns of tables a pixel
    wider or narrower.
    """
    with sync_playwright() as playwright:
        browser = launched(playwright, SAME_TEXT)
        with visiting(browser) as page:
            show(page, address, views[0], theme, SIZES[0])
            page.wait_for_function(READY)  # tables measure text with the fonts that are loaded
            for view in views:
                show(page, address, view, theme, SIZES[0])
                if theme == THEMES[0] and view.document:
                    save(HERE / f"{view.document}.png", still(page))
                for size in SIZES if folder is not None else ():
                    width, height = size
                    if size != SIZES[0]:
                        show(page, address, view, theme, size)
                    lengthen(page, width, height)
                    save(folder / f"{view.name}-{theme}-{width}.png", still(page))
        browser.close()


@contextmanager
def visiting(browser: Browser) -> Iterator[Page]:
    """The window of a visitor without cookies, in which nothing moves."""
    context = browser.new_context(
        device_scale_factor=1,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(DEADLINE)
    context.add_init_script(WATCHED)
    yield context.new_page()
    context.close()


def show(page: Page, address: str, view: View, theme: Theme, size: tuple[int, int]) -> None:
    """Open a view in this theme and a window of this size."""
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{address}/{view.path}?{urlencode(view.query)}")


def lengthen(page: Page, width: int, height: int) -> None:
    """Make a window of this size as high as its page, so that nothing needs scrolling."""
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_function(READY)
    whole = page.get_by_test_id("stMain").evaluate("it => it.scrollHeight")
    page.set_viewport_size({"width": width, "height": min(whole, _LONGEST)})


def still(page: Page) -> bytes:
    """The picture of a page once two in succession are equal, as PNG.

    On a busy machine Chromium draws single pixels of rounded corners in turn one way and another;
    after some tries such pictures count as equal.
    """
    page.wait_for_function(READY)
    today, fixed = datetime.now(UTC), DAY
    page.evaluate(DATED, [f"{day:%d %b %Y}".removeprefix("0") for day in (today, fixed)])
    before = b""
    for number in range(_MOST_TRIES):
        page.wait_for_function(READY)
        now = page.screenshot(animations="disabled", caret="hide", scale="css")
        if now == before or (number > _EXACT_TRIES and nearly_equal(now, before)):
            return now
        before = now
    raise RuntimeError(f"{page.url} does not come to rest.")


if __name__ == "__main__":
    main()
