import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import answers, settled

pytestmark = pytest.mark.browser


def test_a_reader_guesses_sees_the_verdict_and_reads_on(page: Page, shared_address: str) -> None:
    page.goto(f"{shared_address}/guide")
    expect(page.get_by_text("Expand all chapters")).to_be_visible()
    page.get_by_text("Claims", exact=True).click()
    card = page.locator(".st-key-claim_kept-bytes")
    expect(card).to_be_attached()
    expect(card).to_be_hidden()  # its chapter is not among the first
    settled(page)  # a click while the page is drawn may fold again what it opened
    page.get_by_text("What freezing saves").click()
    card.get_by_text("holds", exact=True).click()
    expect(card.get_by_text("does not hold")).to_be_visible()
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


@pytest.mark.long
def test_the_verdicts_of_compare_lead_to_their_explanation_and_back(
    page: Page, shared_address: str
) -> None:
    page.goto(f"{shared_address}/compare")
    page.get_by_role("link", name="How Freeze Lab decides").first.click()
    answers(page, "How Freeze Lab decides")
    settled(page)
    assert "guide_part=Decisions" in page.url
    picture = page.get_by_role("img", name="Margin ± 0.03. equivalent, −0.004")
    expect(picture).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    box = picture.bounding_box()
    assert box is not None
    assert 0 <= box["x"] < box["x"] + box["width"] <= 390
    page.get_by_text("Claims", exact=True).click()
    answers(page, "claims about freezing")
    page.get_by_text("Decisions", exact=True).click()
    answers(page, "How Freeze Lab decides")
