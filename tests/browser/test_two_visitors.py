"""Two browsers on one dashboard: each sees what the other does, and changes only its own."""

from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from mtl_core.ui.shared.visitor import COOKIE
from tests.browser.conftest import DEADLINE
from tests.browser.watching import settled

pytestmark = pytest.mark.browser


def test_a_run_is_stopped_by_who_started_it_also_after_a_reload(
    page: Page, browser: Browser, address: str
) -> None:
    with closing(RunStore(Settings.from_environment().database)) as store:
        store.pause(True)  # the run stays in the queue
    page.goto(f"{address}/train")
    page.locator(".st-key-start button").click()
    remove = page.get_by_role("button", name="Remove from the queue")
    expect(remove).to_be_visible()
    run = page.url
    page.reload()
    expect(remove).to_be_enabled()
    (cookie,) = (each for each in page.context.cookies() if each["name"] == COOKIE)
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Lax", False)
    assert COOKIE not in page.evaluate("document.cookie")

    other = browser.new_context()
    other.set_default_timeout(DEADLINE)
    stranger = other.new_page()
    stranger.goto(run)
    expect(stranger.get_by_text("in the queue").first).to_be_visible()
    settled(stranger)
    expect(stranger.get_by_role("button", name="Remove from the queue")).to_have_count(0)
    other.close()

    remove.click()
    expect(page.get_by_text("Stopped before it began").first).to_be_visible()
