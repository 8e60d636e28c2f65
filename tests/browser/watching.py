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


def watch_shifts(page: Page) -> None:
    """Begin to add up layout shifts, without those that follow an input within half a second."""
    page.evaluate(
        """() => {
          window.shifts = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) {
              if (!entry.hadRecentInput) window.shifts += entry.value;
            }
          }).observe({ type: 'layout-shift' });
        }"""
    )


def layout_shift(page: Page) -> float:
    """The cumulative layout shift since `watch_shifts`."""
    return float(page.evaluate("window.shifts"))
