"""A visitor's way through the product, in a real Chromium against a real server."""

import re
from itertools import cycle
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import answers, layout_shift, settled, watch_shifts

pytestmark = pytest.mark.browser
PLOTS = ".freeze-lab-plot.js-plotly-plot"
A_RUN_TAKES = 180_000  # milliseconds; a deadline, not a measure


@pytest.fixture
def hosts(page: Page) -> set[str]:
    """Every host the browser asked anything of."""
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).hostname or ""))
    return asked


DRAWN = "[...(plot.data[0].y ?? [])].filter(loss => loss !== null).length"
"""The number of points of the first line, in JavaScript."""


def choose(page: Page, pill: str) -> None:
    page.get_by_role("radio", name=pill, exact=True).click()


def last_losses(page: Page) -> list[list[float]]:
    """The smoothed training losses drawn so far, one list for each head."""
    drawn: list[list[float]] = page.evaluate(
        f"""[...document.querySelectorAll('{PLOTS}')].map(
            plot => [...plot.data[0].y].filter(loss => loss !== null))"""
    )
    return drawn


def test_a_visitor_chooses_sees_trains_watches_stops_and_finds_the_run_again(
    page: Page, address: str, hosts: set[str]
) -> None:
    page.goto(f"{address}/?data=sample-small&epochs=40")
    answers(page, "2,310 of 22,715,526 parameters are trainable")
    choose(page, "Top layer")
    answers(page, "1,776,774 of 22,715,526 parameters are trainable")
    choose(page, "Full")
    answers(page, "22,567,686 of 22,715,526 parameters are trainable")
    expect(page).to_have_url(re.compile("scenario=full"))
    choose(page, "Top layer")
    answers(page, "1,776,774")

    page.get_by_role("button", name="Train this plan").click()
    page.get_by_role("button", name=re.compile("^Train top layer")).click()
    page.wait_for_function(
        f"""[...document.querySelectorAll('{PLOTS}')].length === 2 &&
            [...document.querySelectorAll('{PLOTS}')].every(plot => {DRAWN} >= 8)""",
        timeout=A_RUN_TAKES,
    )
    early = last_losses(page)
    page.wait_for_function(
        f"""[...document.querySelectorAll('{PLOTS}')].every(
            plot => {DRAWN} >= {len(early[0]) + 8})""",
        timeout=A_RUN_TAKES,
    )
    late = last_losses(page)
    assert all(losses[-1] != before[-1] for before, losses in zip(early, late, strict=True))
    assert late[1][-1] < late[1][0], "the loss of the second head did not fall"

    page.get_by_role("button", name="Stop the run").click()
    answers(page, "Stopped")
    at = page.url
    assert "run=" in at
    page.reload()
    answers(page, "Stopped")
    assert page.url == at
    assert hosts <= {"localhost", ""}


@pytest.mark.parametrize("width", [1440, 390])
def test_a_finished_run_shows_its_scores_and_that_every_frozen_tensor_is_identical(
    page: Page, address: str, width: int
) -> None:
    """From the form to the end of the run, nothing on the page moves either."""
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{address}/train?scenario=heads-only&epochs=1&data=sample-small")
    start = page.get_by_role("button", name=re.compile("^Train heads only"))
    start.wait_for()
    settled(page)
    watch_shifts(page)
    start.click()
    answers(page, "Finished: sentiment", timeout=A_RUN_TAKES)
    expect(page.get_by_text("103 of 103", exact=False).first).to_be_visible()
    expect(page.get_by_text("validation, was 0.467")).to_have_count(1)
    settled(page)
    assert layout_shift(page) < 0.1


@pytest.mark.parametrize(
    ("path", "scheme"),
    list(
        zip(
            ("/", "/checkpoints", "/plan", "/train", "/compare", "/predict", "/guide", "/data"),
            cycle(("light", "dark")),
            strict=False,
        )
    ),
)
def test_nothing_is_wider_than_a_phone(
    page: Page, shared_address: str, path: str, scheme: str
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(f"{shared_address}{path}")
    page.locator("h1").first.wait_for()
    widest = page.evaluate("document.scrollingElement.scrollWidth")
    assert widest <= 390


def test_every_answer_carries_headers_that_keep_the_browser_to_this_server(
    page: Page, shared_address: str
) -> None:
    answer = page.goto(shared_address)
    assert answer is not None
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(f"{shared_address}/train")
    answers(page, "No run yet")
    assert [text for text in refused if "Content Security Policy" in text] == []


PLACED = """beside => {
  const [picture, metric] = ['[class*="st-key-stack"]', '[data-testid="stMetric"]']
    .map(it => document.querySelector(it)?.getBoundingClientRect());
  if (!picture || !metric) return false;
  return beside
    ? metric.left > picture.right && picture.width > 0.3 * innerWidth
    : metric.top > picture.bottom && picture.width > 0.9 * innerWidth;
}"""


@pytest.mark.parametrize(("width", "beside"), [(768, False), (1024, True)])
def test_the_picture_of_layers_has_the_width_of_a_tablet(
    page: Page, shared_address: str, width: int, beside: bool
) -> None:
    page.set_viewport_size({"width": width, "height": 1024})
    page.goto(f"{shared_address}/?scenario=top-1")
    answers(page, "parameters are trainable")
    settled(page)
    page.wait_for_function(PLACED, arg=beside)
