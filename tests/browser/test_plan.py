"""A plan made by clicking, in a real Chromium."""

import re
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from tests.browser.watching import answers, settled, the_only

pytestmark = pytest.mark.browser
FROZEN, TRAINABLE = "❄", "▲"
DIAGRAM = "[class*=st-key-stack_] .js-plotly-plot"


def center_of_block(page: Page, state: str, name: str) -> tuple[float, float]:
    """The center of a block as soon as the diagram shows it in this state."""
    settled(page)
    expect(page.locator(DIAGRAM)).to_have_count(1)
    word = page.locator(f"{DIAGRAM} .annotation-text", has_text=re.compile(f"{state}.*{name}"))
    expect(word).to_have_count(1)
    box = word.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def click_block(page: Page, state: str, name: str) -> None:
    page.mouse.click(*center_of_block(page, state, name))


def test_clicks_unfreeze_and_freeze_a_block_and_undo_restores_it(
    page: Page, address: str, tmp_path: Path
) -> None:
    page.goto(f"{address}/plan")
    answers(page, "2,310 of 22,715,526 parameters are trainable")
    click_block(page, FROZEN, "layer 5")
    answers(page, "1,776,774 of 22,715,526 parameters are trainable")
    click_block(page, FROZEN, "layer 4")
    answers(page, "3,551,238 of 22,715,526 parameters are trainable")
    click_block(page, TRAINABLE, "layer 4")
    answers(page, "1,776,774 of 22,715,526 parameters are trainable")
    expect(page).to_have_url(re.compile("plan=name"))
    the_only(page.get_by_role("button", name="Undo")).click()
    answers(page, "3,551,238 of 22,715,526 parameters are trainable")

    page.get_by_role("button", name="Export").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Plan as YAML").click()
    page.keyboard.press("Escape")
    file = tmp_path / "saved.plan.yaml"
    saved.value.save_as(file)
    text = file.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["phases"] == [{"name": "heads", "train": ["heads", "top:2"]}]
    expect(page.get_by_role("textbox", name="Plan as text")).to_have_value(text)

    page.get_by_role("link", name="Freeze", exact=True).first.click()
    answers(page, "3,551,238 of 22,715,526 parameters are trainable")


def test_a_click_on_the_freeze_page_trains_a_block_in_place_and_undo_freezes_it(
    page: Page, shared_address: str
) -> None:
    page.goto(f"{shared_address}/?scenario=heads-only")
    answers(page, "2,310 of 22,715,526 parameters are trainable")
    click_block(page, FROZEN, "layer 5")
    answers(page, "1,776,774 of 22,715,526 parameters are trainable")
    expect(page).to_have_url(re.compile("plan=name"))
    click_block(page, TRAINABLE, "layer 5")
    answers(page, "2,310 of 22,715,526 parameters are trainable")
    the_only(page.get_by_role("button", name="Undo")).click()
    answers(page, "1,776,774 of 22,715,526 parameters are trainable")


def test_a_tap_trains_a_block_in_place(browser: Browser, shared_address: str) -> None:
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = phone.new_page()
    page.goto(f"{shared_address}/?scenario=heads-only")
    answers(page, "2,310 of 22,715,526 parameters are trainable")
    settled(page)
    page.locator(DIAGRAM).scroll_into_view_if_needed()
    page.touchscreen.tap(*center_of_block(page, FROZEN, "layer 5"))
    answers(page, "1,776,774 of 22,715,526 parameters are trainable")
    phone.close()
