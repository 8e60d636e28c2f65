import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import settled

pytestmark = pytest.mark.browser


def test_a_reader_guesses_sees_the_verdict_and_reads_on(page: Page, shared_address: str) -> None:
    page.goto(f"{shared_address}/guide")
    card = page.locator(".st-key-claim_kept-bytes")
    expect(card).to_be_attached()
    expect(card).to_be_hidden()  # its chapter is not among the first
    settled(page)  # a click while the page is drawn may fold again what it opened
    page.get_by_text("What freezing saves").click()
    card.get_by_text("holds", exact=True).click()
    expect(card.get_by_text("does not hold here")).to_be_visible()
    expect(card.get_by_text("Your guess “holds” is wrong.")).to_be_visible()
    expect(card.get_by_test_id("stImageContainer").get_by_role("img")).to_be_visible()
    expect(page.get_by_text("Your guesses: 0 of 1 right.")).to_be_visible()

    page.get_by_text("Text", exact=True).click()
    step = page.get_by_text("Train the heads at a learning rate of about 1e-2.")
    expect(step).to_be_attached()
    expect(step).to_be_hidden()  # only the first chapter is open
    settled(page)
    page.get_by_text("Gradual unfreezing in five steps").click()
    expect(step).to_be_visible()
    page.get_by_text("Expand all chapters").click()
    page.locator(".st-key-claims_of_cost").get_by_role("button").click()
    expect(card.get_by_text("Your guess “holds” is wrong.")).to_be_visible()
