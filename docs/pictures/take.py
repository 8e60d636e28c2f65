"""Takes the README's pictures: `.venv/bin/python docs/pictures/take.py [ADDRESS]`.

Needs a dashboard at ADDRESS (default http://127.0.0.1:8501) with an empty FREEZE_LAB_HOME, so that
Compare and the Guide show the runs included with Freeze Lab. Starts a gradual run there and uses
its model for the picture of Predict.
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
    """Take one picture of each page."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8501"
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        picture(browser, address, "freeze")
        run = train(browser, address)
        predict(browser, run)
        picture(browser, f"{address}/compare", "compare")
        guide(browser, address)
        browser.close()


def train(browser: Browser, address: str) -> str:
    """Take a picture of a gradual run in its third phase; return the address of the run."""
    page = browser.new_page(viewport=SIZE)
    page.goto(f"{address}/train?scenario=gradual")
    page.get_by_role("button", name=re.compile("^Train gradual")).click()
    page.get_by_role("heading", level=1, name=re.compile("phase 3 of 4")).wait_for(timeout=300_000)
    page.wait_for_timeout(5000)
    page.screenshot(path=HERE / "train.png")
    return page.url


def predict(browser: Browser, run: str) -> None:
    """Take a picture of the run's predictions after it has finished."""
    page = browser.new_page(viewport=SIZE)
    page.goto(run)
    page.get_by_text("Try it on a sentence").first.click(timeout=300_000)
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_timeout(15_000)
    page.screenshot(path=HERE / "predict.png")


def picture(browser: Browser, address: str, name: str) -> None:
    """Take a picture of a page after its figures and its table are drawn."""
    page = browser.new_page(viewport=SIZE)
    page.goto(address)
    page.wait_for_selector(".js-plotly-plot")
    page.wait_for_selector("canvas")
    page.wait_for_timeout(3000)
    page.screenshot(path=HERE / f"{name}.png")


def guide(browser: Browser, address: str) -> None:
    """Take a picture of the page on decisions."""
    page = browser.new_page(viewport=SIZE)
    page.goto(f"{address}/guide?guide_part=Decisions")
    page.get_by_test_id("stImageContainer").first.wait_for()
    page.wait_for_timeout(2000)
    page.screenshot(path=HERE / "guide.png")


if __name__ == "__main__":
    main()
