"""The keyboard focus stays where it is while a page is drawn again."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import settled

pytestmark = pytest.mark.browser


def show(page: Page, url: str) -> None:
    page.goto(url)
    page.locator("h1").first.wait_for()
    settled(page)


def test_a_block_that_is_trained_or_frozen_by_keyboard_keeps_the_focus(
    page: Page, shared_address: str
) -> None:
    show(page, f"{shared_address}/")
    page.get_by_role("combobox", name="Part").focus()
    page.keyboard.type("layer 5")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Train layer 5").focus()
    for pressed in ("Freeze layer 5", "Train layer 5"):
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=pressed)).to_be_focused()
        settled(page)

    show(page, f"{shared_address}/plan")
    page.locator(".st-key-plan_blocks button", has_text="layer 5").focus()
    for sign in ("▲", "❄"):
        page.keyboard.press("Space")
        expect(
            page.locator(".st-key-plan_blocks button", has_text=re.compile(f"{sign}.*layer 5"))
        ).to_be_focused()
        settled(page)
