"""Words that the pages use are underlined, and explained when they are pointed at or touched."""

import pytest
from playwright.sync_api import Browser, Page, expect

from mtl_core.lessons.glossary import GLOSSARY
from tests.browser.watching import answers, settled

pytestmark = pytest.mark.browser

PLACE = """(text) => {
  const marked = [...(CSS.highlights.get('freeze-lab-words') ?? [])];
  const range = marked.find((each) => each.toString().toLowerCase().startsWith(text));
  if (!range) return null;
  range.startContainer.parentElement.scrollIntoView({ block: 'center' });
  const { left, top, width, height } = range.getBoundingClientRect();
  return [left + width / 2, top + height / 2];
}"""


def place_of(page: Page, word: str) -> list[float]:
    """The middle of the marked word, once it is marked."""
    page.wait_for_function(f"({PLACE})('{word}') !== null")
    found: list[float] = page.evaluate(PLACE, word)
    return found


@pytest.mark.long
def test_a_word_is_explained_when_it_is_pointed_at(page: Page, shared_address: str) -> None:
    page.goto(f"{shared_address}/?scenario=top-1")
    answers(page, "parameters are trainable")
    settled(page)
    page.mouse.move(*place_of(page, "encoder"))
    tip = page.get_by_role("tooltip").filter(has_text=GLOSSARY["encoder"])
    expect(tip).to_be_visible()
    page.mouse.move(1, 1)
    expect(tip).to_be_hidden()


def test_a_word_is_explained_when_it_is_touched(browser: Browser, shared_address: str) -> None:
    phone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = phone.new_page()
    page.goto(f"{shared_address}/?scenario=top-1")
    answers(page, "parameters are trainable")
    settled(page)
    page.touchscreen.tap(*place_of(page, "encoder"))
    tip = page.get_by_role("tooltip").filter(has_text=GLOSSARY["encoder"])
    expect(tip).to_be_visible()
    box = tip.bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
    phone.close()
