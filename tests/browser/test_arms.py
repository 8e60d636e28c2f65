"""Plans collected on a phone, compared in a real Chromium."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import answers, settled, the_only

pytestmark = pytest.mark.browser


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.scrollingElement.scrollWidth <= 390"))


def test_plans_are_collected_edited_and_started_on_a_phone(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/?scenario=top-1&data=sample-small")
    page.get_by_role("button", name="Add to comparison").click()
    expect(page.get_by_role("link", name="1 plan to compare")).to_be_visible()
    page.get_by_role("radio", name="Full", exact=True).click()
    answers(page, re.compile("^22,"))
    page.get_by_role("button", name="Add to comparison").click()
    expect(page.get_by_role("link", name="2 plans to compare")).to_be_visible()
    settled(page)
    assert fits(page)
    page.get_by_role("link", name="2 plans to compare").click()
    expect(page.get_by_text("New comparison with 2 collected plans")).to_be_visible()
    page.get_by_text("top layer · all settings shared").click()
    page.get_by_label("Name").first.fill("only the top")
    page.get_by_label("Name").first.press("Enter")
    expect(page.get_by_text("only the top · top layer")).to_be_visible()
    settled(page)
    assert fits(page)
    expect(page).to_have_url(re.compile("arms="))
    page.reload()
    expect(page.get_by_text("only the top · top layer")).to_be_visible()
    page.get_by_text("6 runs, one after another").wait_for()
    the_only(page.get_by_role("button", name=re.compile("^Start: "))).click()
    answers(page, "Waiting for results: no plan has finished yet")
    expect(page.get_by_text("collected plan")).to_have_count(0)
    expect(page.get_by_text("of 6 runs finished")).to_be_visible()
    settled(page)
    assert fits(page)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text(re.compile("of 6 runs finished"))).to_be_visible()
