"""The Compare page in a real Chromium: a comparison is started there, and its results read."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import answers, settled

pytestmark = pytest.mark.browser
PLOTS = ".freeze-lab-plot.js-plotly-plot"
ALL_RUNS = 300_000  # milliseconds that four short runs may take on a busy machine


def titled(axis: str) -> str:
    """A condition: as many plots as there are tasks have this title on their horizontal axis."""
    return (
        f"[...document.querySelectorAll('{PLOTS}')]"
        f".filter(plot => plot.layout.xaxis.title?.text === '{axis}').length === 2"
    )


FILLS_THE_FOLD = f"""
[...document.querySelectorAll('{PLOTS}')]
  .filter(plot => plot.layout.xaxis.title?.text?.startsWith('layer (lowest'))
  .some(plot => plot.offsetWidth > 250 && plot._fullLayout.width === plot.offsetWidth)
"""
"""A condition: the figure in the fold, which had no width while closed, is as wide as its place."""


NAMES_THE_BASELINES = f"""
[...document.querySelectorAll('{PLOTS}')]
  .filter(plot => plot.layout.annotations?.some(note => note.text.includes('bag of words')))
  .length === 2
"""
"""A condition: the figure of each task names the baselines that its data give."""


def start_a_small_comparison(page: Page) -> None:
    page.get_by_role("button", name="New comparison").click()
    page.get_by_role("button", name="top layer", exact=True).click()  # chosen at first: not now
    page.get_by_role("radio", name="2", exact=True).click()
    page.get_by_role("button", name="50", exact=True).click()
    expect(page.get_by_text("8 runs, one after another")).to_be_visible()
    page.get_by_role("button", name="all", exact=True).click()  # chosen at first: not now
    page.get_by_label("Epochs").fill("1")
    page.get_by_label("Epochs").press("Enter")
    expect(page.get_by_text("4 runs, one after another")).to_be_visible()
    page.get_by_role("button", name="Start:").click()


def test_baselines_appear_on_a_page_without_interaction(page: Page, address: str) -> None:
    page.goto(f"{address}/compare")
    answers(page, "Sentiment:")
    page.wait_for_function(NAMES_THE_BASELINES, timeout=60_000)
    expect(page.get_by_text("Computing two baselines")).to_have_count(0)


@pytest.mark.long
def test_a_comparison_is_started_followed_and_read_on_a_phone_too(page: Page, address: str) -> None:
    page.goto(f"{address}/compare?data=sample-small")
    answers(page, "Sentiment:")  # of the runs that ship
    expect(page.get_by_text("included with Freeze Lab")).to_be_visible()
    start_a_small_comparison(page)
    expect(page.get_by_text("of 4 runs finished")).to_be_visible()
    expect(page.get_by_text("included with Freeze Lab")).to_have_count(0)
    expect(page.get_by_text("2 plans, 4 runs")).to_be_visible(timeout=ALL_RUNS)
    answers(page, "Sentiment:", timeout=ALL_RUNS)
    expect(page.get_by_text("of 4 runs finished")).to_have_count(0, timeout=ALL_RUNS)
    settled(page)
    mine = re.compile(page.url.partition("?")[2])
    page.wait_for_function(titled("seconds of a whole run, log scale"))
    page.wait_for_function(titled("step"))
    page.get_by_text("Axis, smoothing, colour").click()
    page.get_by_role("radio", name="epoch", exact=True).click()
    page.wait_for_function(titled("epoch"))
    page.get_by_text("Changes inside the model").click()
    page.wait_for_function(FILLS_THE_FOLD)
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    answers(page, "Sentiment:")
    expect(page.get_by_text("Prediction errors")).to_be_visible()
    expect(page.get_by_text(re.compile("of 107 tensors differ"))).to_be_visible()
    page.get_by_text("Changes inside the model").click()
    page.wait_for_function(FILLS_THE_FOLD)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Deleted:")).to_be_visible()
    expect(page.get_by_text("included with Freeze Lab")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Deleted:")).to_have_count(0)
    expect(page).to_have_url(mine)
