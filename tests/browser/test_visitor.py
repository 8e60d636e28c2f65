"""A first visitor's way: land, read what ships, guess in the guide, see, compare, take along."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import answers, settled

pytestmark = pytest.mark.browser


def shipped_finding(page: Page) -> str:
    """The headline of the shipped comparison that the page shows."""
    answers(page, "Sentiment:")
    expect(page.get_by_text("included with Freeze Lab")).to_be_visible()
    settled(page)
    return page.locator("h1").inner_text()


def test_a_visitor_lands_reads_guesses_sees_the_runs_and_takes_the_note_along(
    page: Page, address: str, tmp_path: Path
) -> None:
    page.goto(address)
    expect(page.get_by_text("Freeze Lab compares")).to_be_visible()
    page.get_by_role("button", name="See a finished comparison").click()
    finding = shipped_finding(page)

    page.get_by_role("link", name="Guide", exact=True).first.click()
    answers(page, "claims about freezing")
    page.get_by_text("Claims", exact=True).click()
    card = page.locator(".st-key-claim_kept-bytes")
    expect(card.get_by_text("guess first")).to_have_count(1)
    page.get_by_text("What freezing saves").click()
    card.get_by_text("does not hold", exact=True).click()
    expect(card.get_by_text("guess first")).to_have_count(0)
    expect(card.locator(".stMarkdownBadge", has_text="does not hold")).to_be_visible()
    expect(page.get_by_text("Your guesses: 1 of 1 right.")).to_be_visible()

    page.get_by_role("link", name="Compare", exact=True).first.click()
    assert shipped_finding(page) == finding

    page.get_by_role("button", name="Export").click()
    with page.expect_download() as arrived:
        page.get_by_role("button", name="Note as one HTML page").click()
    arrived.value.save_as(tmp_path / arrived.value.suggested_filename)
    page.goto((tmp_path / arrived.value.suggested_filename).as_uri())
    expect(page.locator("h1")).to_have_text(finding)
    expect(page.locator(".still.light svg").first).to_be_visible()
