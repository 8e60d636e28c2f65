"""Take the README's pictures of a dashboard that runs: `.venv/bin/python docs/pictures/take.py`.

Needs `python -m mtl_core serve` on the address given (default http://127.0.0.1:8501) and starts a
gradual run there. The Compare page is taken once two finished runs are in its store; a second
argument names them, separated by commas.
"""

import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
SIZE = {"width": 1440, "height": 900}


def main() -> None:
    """One picture of each page."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8501"
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        freeze(browser, address)
        train(browser, address)
        compare(browser, address)
        browser.close()


def freeze(browser: Browser, address: str) -> None:
    """The landing page, once its table and picture are drawn."""
    page = browser.new_page(viewport=SIZE)
    page.goto(address)
    page.wait_for_selector(".js-plotly-plot")
    page.wait_for_selector("canvas")
    page.wait_for_timeout(2000)
    page.screenshot(path=HERE / "freeze.png")


def train(browser: Browser, address: str) -> None:
    """A gradual run in its third phase."""
    page = browser.new_page(viewport=SIZE)
    page.goto(f"{address}/train?scenario=gradual")
    page.get_by_role("button", name=re.compile("^Train gradual")).click()
    page.get_by_role("heading", level=1, name=re.compile("phase 3 of 4")).wait_for(timeout=300_000)
    page.wait_for_timeout(5000)
    page.screenshot(path=HERE / "train.png")


def compare(browser: Browser, address: str) -> None:
    """The newest finished runs that fit together; leaves the picture alone where there are none."""
    page = browser.new_page(viewport=SIZE)
    page.goto(f"{address}/compare{f'?runs={sys.argv[2]}' if len(sys.argv) > 2 else ''}")
    page.wait_for_selector("h1")
    page.wait_for_timeout(4000)
    if page.locator(".js-plotly-plot").count():
        page.screenshot(path=HERE / "compare.png")


if __name__ == "__main__":
    main()
