"""A real server and a real browser. The browser is $CHROMIUM, or the one on the path."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from mtl_core.settings import Settings
from tests.browser.serving import launched, served

DEADLINE = 60_000  # milliseconds; as long as a busy machine may need, not a measure


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = launched(playwright)
        expect.set_options(timeout=DEADLINE)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without the cookies and the cache of other tests."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(DEADLINE)
    yield context.new_page()
    context.close()


@pytest.fixture
def address() -> Iterator[str]:
    """A dashboard with the home of this test."""
    with served(Settings.from_environment()) as url:
        yield url


@pytest.fixture(scope="session")
def shared_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard for tests that add nothing to its store, which has only the included runs."""
    with served(Settings(home=tmp_path_factory.mktemp("shared") / "home", threads=1)) as url:
        yield url
