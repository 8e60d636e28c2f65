"""The Compare page on runs that really trained, in a real Chromium."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import answers

pytestmark = pytest.mark.browser
PLOTS = ".freeze-lab-plot.js-plotly-plot"
ROOT = Path(__file__).parents[2]


def train(scenario: str) -> None:
    command = [sys.executable, "-m", "mtl_core", "train", "--scenario", scenario]
    few = ["--epochs", "1", "--examples", "sentiment=24", "--examples", "ner=24"]
    subprocess.run([*command, *few], cwd=ROOT, check=True, capture_output=True, timeout=300)


def test_two_trained_plans_are_compared_on_a_phone_too_and_by_their_address(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/compare")
    answers(page, "Nothing to compare yet")
    for scenario in ("heads-only", "top-1"):
        train(scenario)
    page.reload()
    answers(page, "Sentiment:")
    expect(page).to_have_url(re.compile("runs=.*heads-only.*top-1"))
    page.wait_for_function(
        f"[...document.querySelectorAll('{PLOTS}')].filter(plot => plot.data.length === 4).length"
        " === 2"
    )
    page.get_by_role("radio", name="seconds").click()
    page.wait_for_function(
        f"[...document.querySelectorAll('{PLOTS}')]"
        ".every(plot => plot.layout.xaxis.title.text === 'seconds')"
    )
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    answers(page, "Sentiment:")
    expect(page.get_by_text("20 of 107 tensors differ")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
