import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import the_only

pytestmark = pytest.mark.browser


def test_the_first_visit_after_a_start_finds_the_navigation_on_any_page(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/train?seed=3")
    page.wait_for_selector("h1")
    page.get_by_role("link", name="Freeze", exact=True).first.wait_for()
    expect(the_only(page.get_by_label("Seed", exact=True))).to_have_value("3")
