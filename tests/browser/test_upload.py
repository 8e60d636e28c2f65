"""A visitor's own files, from the upload to a finished run, in a real Chromium."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import answers, settled

pytestmark = pytest.mark.browser
A_RUN_TAKES = 180_000  # milliseconds; a deadline, not a measure


def offer(page: Page, place: int, file: Path) -> None:
    """Choose a file. One that arrives during a rerun is lost, so it is chosen again."""
    shown = page.get_by_text(file.name, exact=True)
    for _ in range(3):
        settled(page)
        page.locator("input[type=file]").nth(place).set_input_files(file)
        with suppress(AssertionError):
            expect(shown).to_be_visible(timeout=15_000)
            break
    expect(shown).to_be_visible()
    settled(page)


def test_a_visitor_uploads_two_tasks_looks_at_them_and_trains_on_them(
    page: Page, address: str, tiny_data: Path
) -> None:
    page.goto(f"{address}/data?epochs=2")
    answers(page, "1,400 sentences for sentiment")
    page.get_by_text("Use your own files").click()
    page.get_by_label("Name of task 1").fill("mood")
    page.get_by_label("Name of task 1").press("Enter")
    files = {0: "reviews.train.csv", 1: "reviews.dev.csv"}  # 2 and 5 are the optional test files
    files |= {3: "entities.train.conll", 4: "entities.dev.conll"}
    for place, name in files.items():
        offer(page, place, tiny_data.parent / name)
    expect(page.get_by_text("mood: 8 + 4 sentences")).to_be_visible()
    page.get_by_role("button", name="Use this data").click()
    answers(page, "12 sentences for mood, 8 for NER")
    expect(page).to_have_url(re.compile("data=upload%3A[0-9a-f]{16}"))

    page.get_by_role("button", name="Train on this data").click()
    page.get_by_role("button", name="Train heads only on your upload: mood, ner").click()
    answers(page, "Finished: mood", timeout=A_RUN_TAKES)
    expect(page.get_by_text("your upload: mood, ner (8 + 4 sentences)")).to_be_visible()


def test_the_data_page_is_no_wider_than_a_phone(page: Page, shared_address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{shared_address}/data")
    page.get_by_text("Use your own files").wait_for()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
