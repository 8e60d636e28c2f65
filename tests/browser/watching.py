"""Waiting for what a page will say, however busy the machine is.

While a script runs, Streamlit leaves what the page showed before in its place, so for a moment
two elements may bear one name, and a locator that must be unique raises at once. These wait.
"""

import re

from playwright.sync_api import Locator, Page, expect


def answers(page: Page, text: str | re.Pattern[str], timeout: int | None = None) -> None:
    """The page's headline comes to hold `text`; `timeout` in milliseconds."""
    expect(page.locator("h1", has_text=text)).to_have_count(1, timeout=timeout)


def the_only(found: Locator) -> Locator:
    """`found`, once it is one element and no more."""
    expect(found).to_have_count(1)
    return found


def settled(page: Page) -> None:
    """The script that drew the headline has ended, and what it did not draw again is gone."""
    expect(
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
    ).to_have_count(1)
