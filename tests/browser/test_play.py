"""Play on the first page: two runs side by side, to the sentence at the end."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import answers, layout_shift, watch_shifts

pytestmark = pytest.mark.browser
BOTH_RUNS_TAKE = 180_000  # milliseconds; a deadline, not a measure


@pytest.mark.long
def test_two_plans_train_side_by_side_and_nothing_moves(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name="Play: heads only against top 2").click()
    answers(page, "Two plans on the same sentences")
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    watch_shifts(page)
    ending = page.get_by_text("One seed and few sentences do not show which plan is better.")
    expect(ending).to_be_visible(timeout=BOTH_RUNS_TAKE)
    expect(page.get_by_text("Finished in ")).to_have_count(2)
    assert layout_shift(page) < 0.1
    page.get_by_role("button", name="Close").click()
    answers(page, "2,310 of 22,715,526 parameters are trainable")
