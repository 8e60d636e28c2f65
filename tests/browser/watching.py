"""Wait for the content of a page, also on a slow machine.

While a script runs, Streamlit keeps the elements of the previous run on the page. Two elements may
then have the same name, and a locator that must be unique fails. These functions wait.
"""

import re

from playwright.sync_api import Locator, Page, expect


def answers(page: Page, text: str | re.Pattern[str], timeout: int | None = None) -> None:
    """Wait until the headline contains `text`; `timeout` is in milliseconds."""
    expect(page.locator("h1", has_text=text)).to_have_count(1, timeout=timeout)


def the_only(found: Locator) -> Locator:
    """Wait until `found` is exactly one element and return it."""
    expect(found).to_have_count(1)
    return found


def settled(page: Page) -> None:
    """Wait until the script has finished and outdated elements are removed."""
    expect(
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
    ).to_have_count(1)
